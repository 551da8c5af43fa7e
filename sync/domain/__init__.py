"""The pure core: values and decisions. Standard library only, no clock, no IO."""
