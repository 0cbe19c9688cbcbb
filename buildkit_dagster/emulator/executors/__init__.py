"""What really runs the builds and tasks that the emulator is asked for: local processes with cloud manners.

Each executor replaces moto's methods of its service (`codebuild`, `ecs`); what both share is in `world`, `process`,
`logs` and `secrets`. Only one machine is used: images name what would run, the commands run here.
"""
