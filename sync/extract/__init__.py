"""From Trakt's account or a download to proved plays."""
