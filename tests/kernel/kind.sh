#!/usr/bin/env bash
# kind.sh -- in place of kind, of which there is no copy without a network: containers with kind's labels and names, made
# through the real Docker Engine beside it (docker.sh). No Kubernetes runs in them.
#
#   kind version | create cluster --config FILE | delete cluster --name NAME | get clusters
#
#   KIND_VERSION  what it says of itself
#   KIND_PULL=1   asks for the node image of FILE, as kind does, and says what the engine says
#   KIND_AFTER=N  stays behind the Nth node, as if that took long
set -euo pipefail

cluster=cilium-ipsec-native-routing
label=io.x-k8s.kind.cluster

create() {
    local image said made=0 node role
    image=$(sed -n 's/^ *image: //p' "$1" | head -n 1)
    if [ "${KIND_PULL-}" ]; then
        echo " • Ensuring node image ($image) ..." >&2
        if ! said=$(docker pull "$image" 2>&1); then
            echo "ERROR: failed to create cluster: failed to pull image \"$image\": command \"docker pull $image\" failed with error: exit status 1" >&2
            printf 'Command Output: %s\n' "$said" >&2
            exit 1
        fi
    fi
    if [ "$(docker ps -aq --filter "label=$label=$cluster")" ]; then
        echo "ERROR: failed to create cluster: node(s) already exist for a cluster with the name \"$cluster\"" >&2
        exit 1
    fi
    for node in control-plane worker worker2; do
        role=${node%2}
        docker run --detach --label "$label=$cluster" --label "io.x-k8s.kind.role=$role" --name "$cluster-$node" \
            --hostname "$cluster-$node" esplain-node bash -c 'trap "exit 0" TERM; while :; do sleep 3600 & wait $!; done' >/dev/null
        echo " ✓ $node" >&2
        if [ $((made += 1)) = "${KIND_AFTER-}" ]; then sleep 1000; fi
    done
    for node in control-plane worker worker2; do
        docker exec "$cluster-$node" sh -c 'mkdir -p /etc/kubernetes && echo "# joined" >/etc/kubernetes/kubelet.conf'
    done
}

case "$*" in
    version) echo "kind ${KIND_VERSION-v0.20.0} in place of kind" ;;
    "create cluster --config "*) create "$4" ;;
    "delete cluster --name $cluster")
        docker ps -aq --filter "label=$label=$cluster" | xargs -r docker rm --force --volumes >/dev/null
        echo "Deleted nodes: $cluster" >&2
        ;;
    "get clusters") docker ps -a --filter "label=$label" --format "{{.Label \"$label\"}}" | sort -u ;;
    *) echo "ERROR: unknown command: $*" >&2; exit 1 ;;
esac
