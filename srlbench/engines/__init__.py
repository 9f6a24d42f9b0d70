"""How runs are executed. An engine is a function of jobs and how many at once: an iterator of events."""
