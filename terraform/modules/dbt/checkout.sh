# The source over SSH: the key lies in a file of its own outside of the checkout, for as long as this takes, and the
# host's keys are those that are given. Reads BUILDKIT_DEPLOY_KEY, _KNOWN_HOSTS, _REPOSITORY and _BRANCH.
(
  set -eu
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  (
    umask 077
    printf '%s\n' "$BUILDKIT_DEPLOY_KEY" > "$folder/key"
    printf '%s\n' "$BUILDKIT_KNOWN_HOSTS" > "$folder/known_hosts"
  )
  unset BUILDKIT_DEPLOY_KEY
  export GIT_SSH_COMMAND="ssh -F /dev/null -i '$folder/key' -o BatchMode=yes -o IdentitiesOnly=yes \
-o StrictHostKeyChecking=yes -o UserKnownHostsFile='$folder/known_hosts' -o GlobalKnownHostsFile=/dev/null"
  git init --quiet .
  git fetch --quiet --depth 1 -- "$BUILDKIT_REPOSITORY" "$BUILDKIT_BRANCH"
  git checkout --quiet FETCH_HEAD
) && export BUILDKIT_DEPLOY_KEY=
