"""The commands of `buildkit`, one file each; they parse, call and print, and decide nothing."""
