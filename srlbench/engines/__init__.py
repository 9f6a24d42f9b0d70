"""How runs are executed. An engine is a function: (jobs, parallel) -> iterator of events."""
