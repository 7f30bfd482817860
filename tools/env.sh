# Environment for plain `pulumi` commands in this folder, for sh, bash and zsh:  . tools/env.sh
# Sets only what Pulumi.yaml can't. What you have set yourself stays, except PATH (put in front) and
# PULUMI_HOME (this project keeps its own, so that yours is never touched).

[ -f Pulumi.yaml ] || echo "tools/env.sh: source it in the project's folder, where Pulumi.yaml is" >&2

export SWARM_PLATFORM_CACHE="${SWARM_PLATFORM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/swarm-platform}"
export PULUMI_VERSION_WANTED=3.256.0
export K6_VERSION_WANTED=1.8.1
for folder in "$SWARM_PLATFORM_CACHE/node/bin" "$SWARM_PLATFORM_CACHE/pulumi-$PULUMI_VERSION_WANTED" \
	"$SWARM_PLATFORM_CACHE/k6-$K6_VERSION_WANTED"; do
	# The bootstrap fills these only where the machine has nothing that will do.
	[ -d "$folder" ] || continue
	case ":$PATH:" in
	*":$folder:"*) ;;
	*) PATH="$folder:$PATH" ;;
	esac
done
unset folder
export PATH

export PULUMI_HOME="$SWARM_PLATFORM_CACHE/pulumi-home"
export PULUMI_SKIP_UPDATE_CHECK="${PULUMI_SKIP_UPDATE_CHECK:-1}"
# A service that fails must not stop the others from being finished.
export PULUMI_CONTINUE_ON_ERROR="${PULUMI_CONTINUE_ON_ERROR:-true}"
# Pulumi and its plugins are written in Go: they clean up half as often (Go's default is 100). With 50 services that is a
# twentieth of the time of a preview, for a twentieth more memory.
export GOGC="${GOGC:-200}"
export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-$SWARM_PLATFORM_CACHE/node-compile}"

# State and passphrase in this folder, unless the user logged in elsewhere (`pulumi login`) or set them.
if [ -z "${PULUMI_BACKEND_URL:-}" ] && ! grep -qs '"current": *"[^"]' "$PULUMI_HOME/credentials.json"; then
	export PULUMI_BACKEND_URL="file://$PWD/.state"
fi
if [ -z "${PULUMI_CONFIG_PASSPHRASE:-}${PULUMI_CONFIG_PASSPHRASE_FILE:-}" ]; then
	export PULUMI_CONFIG_PASSPHRASE_FILE="$PWD/.state/passphrase"
fi
# Takes the passphrase's salt from the state where the stack's file has none (tools/stack.sh).
export PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER=true

# The image builder follows DOCKER_HOST, the provider its own default: one address for both, that of a manager which the
# stack names (STACK, default dev), else that of the docker CLI's current context (Docker Desktop has a socket of its own).
if [ -z "${DOCKER_HOST:-}" ] && grep -Eqs 'host"?: *[^ ]' "Pulumi.${STACK:-dev}.yaml" && [ -d node_modules/yaml ]; then
	DOCKER_HOST=$(STACK="${STACK:-dev}" tools/manager-host.mjs) || return 1 2>/dev/null || exit 1
	export DOCKER_HOST
fi
if [ -z "${DOCKER_HOST:-}" ]; then
	DOCKER_HOST=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null) || DOCKER_HOST=
	export DOCKER_HOST="${DOCKER_HOST:-unix:///var/run/docker.sock}"
fi

# Each read of a service waits 2 s in the provider: many at once cost no more than one. By ssh each is a login of its own,
# and sshd refuses some of more than 10 that begin at once (its MaxStartups). A number of yours stays.
case "${PULUMI_PARALLEL:-} $DOCKER_HOST" in
" ssh://"* | "256 ssh://"*) export PULUMI_PARALLEL=8 ;;
*" ssh://"*) ;;
" "* | "8 "*) export PULUMI_PARALLEL=256 ;;
esac
