"""From operations to settled writes."""
