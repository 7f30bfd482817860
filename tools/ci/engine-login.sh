#!/usr/bin/env bash
# Lets this job log in to the engines of a stack by ssh (STACK, default dev): the key in SSH_PRIVATE_KEY goes into an agent, never
# to the disk, the lines in SSH_KNOWN_HOSTS to ~/.ssh/known_hosts. Does nothing where no engine is reached by ssh.
set -euo pipefail
cd "$(dirname "$0")/../.."
stack=${STACK:-dev}
# Another agent is none of ours.
unset SSH_AUTH_SOCK SSH_AGENT_PID
case ${DOCKER_HOST:-} in
ssh://*) ;;
"") grep -qs 'ssh://' "Pulumi.$stack.yaml" || exit 0 ;;
*) exit 0 ;;
esac

faults=()
[ -n "${SSH_PRIVATE_KEY:-}" ] ||
  faults+=("SSH_PRIVATE_KEY is not set; set it to a private key without a passphrase that may log in to the engines")
[ -n "${SSH_KNOWN_HOSTS:-}" ] ||
  faults+=("SSH_KNOWN_HOSTS is not set; set it to the engines' host keys, as ssh-keyscan prints them (compare them with the machines' own)")
if [ ${#faults[@]} = 0 ]; then
  eval "$(ssh-agent -s)" >/dev/null
  # A secret often loses the newline at its end, without which it is no key.
  said=$(printf '%s\n' "$SSH_PRIVATE_KEY" | tr -d '\r' | SSH_ASKPASS=/bin/false SSH_ASKPASS_REQUIRE=force ssh-add -q - 2>&1) ||
    faults+=("SSH_PRIVATE_KEY can't be used: $(tail -n1 <<<"$said"); allowed: a private key without a passphrase")
fi
if ((${#faults[@]})); then
  [ -z "${SSH_AGENT_PID:-}" ] || ssh-agent -k >/dev/null
  echo "The engines of stack $stack can't be logged in to; nothing was changed." >&2
  printf '  - %s\n' "${faults[@]}" >&2
  exit 1
fi
mkdir -p ~/.ssh && chmod 700 ~/.ssh
printf '%s\n' "$SSH_KNOWN_HOSTS" >>~/.ssh/known_hosts
printf '%s\n' "SSH_AUTH_SOCK=$SSH_AUTH_SOCK" "SSH_AGENT_PID=$SSH_AGENT_PID" >>"${GITHUB_ENV:-/dev/stdout}"
