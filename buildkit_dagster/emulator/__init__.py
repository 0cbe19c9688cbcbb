"""The local AWS: moto's server, the actions it lacks, and executors that really run things."""
