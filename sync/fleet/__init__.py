"""Many profiles, run by workers that share one PostgreSQL; needs the extra ``fleet``.

The calendar is ours: ``fleet_profile`` says when each profile is due. The queue is an
engine's, and holds minutes of work. The ledger stays what it is: an engine runs a job
at least once, and the locks and laws of a run make that harmless.
"""
