"""What each command does; its options are in sync.cli.app."""
