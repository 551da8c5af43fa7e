"""One request, from call to answer: pacing, retries, and what an answer means."""
