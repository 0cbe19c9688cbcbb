"""Cloud client factories, nothing else."""
