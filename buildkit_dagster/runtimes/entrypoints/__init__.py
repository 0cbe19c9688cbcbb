"""What runs inside the container of a job; each is a process of its own."""
