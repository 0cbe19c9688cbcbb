"""What really runs the builds, tasks and functions that the emulator is asked for: local processes with cloud manners.

Each executor replaces moto's methods of its service (`codebuild`, `ecs`, `lambda_`); what they share is in `world`,
`process`, `logs` and `secrets`. Only one machine is used: images name what would run, the commands run here.
"""
