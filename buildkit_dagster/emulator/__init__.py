"""The local AWS: moto's server, the actions it lacks, and executors that really run things.

`control` starts, finds and stops it and is all that the rest of the package uses. Everything else here runs in the
emulator's own process: `server` answers, `actions/` adds what moto lacks, `executors/` run builds and tasks, and
`standins/` are the commands a build finds on its PATH. No code here runs when the platform is on a real account.
"""
