# What goes wrong in the kind lab, and while it is set up.

kind-context-unreadable = the docker context `{ $name }` cannot be read from { $file }
kind-context-hint = `docker context ls` lists the contexts; `docker context use default` goes back to the usual one
kind-no-footing = the lab finds no footing in { $node }
kind-no-footing-hint = `docker exec { $node } bash -c 'ls -ld /run'` shows whether a shell runs there
kind-no-place = the cluster `{ $cluster }` has no place `{ $place }` now
kind-no-nodes-hint = `kind create cluster --config kind-config.yaml` makes the nodes; `kind get clusters` lists the clusters that there are
kind-places-hint = places: { $places }
kind-pods-hint = `kubectl get pods -o wide` lists the pods and their nodes
kind-cannot-write = cannot write { $file } on { $place }
kind-engine-again-hint = when the engine is there again, `docker start { $node }` starts a node that does not run; what you have done in the course is kept
kind-capture-ended = the capture on { $node } has ended
kind-capture-ended-hint = somebody ended its tcpdump; the next line captures again
kind-cannot-read = cannot read { $file } on { $place }
kind-cannot-read-hint = `:on { $place }`, then `ls` lists its files
kind-not-set-back = not everything could be set back
kind-not-set-back-hint = `kubectl -n kube-system rollout restart ds/cilium` has Cilium tell its nodes everything anew
kind-unwritable = { $file } cannot be written
kind-not-written-down-hint = the cluster is there, but `esplain lab down` will not take it for its own: `kind delete cluster` does
kind-nobody-asked = `{ $line }` would run on this machine itself, and nobody was asked
kind-nobody-asked-hint = type it in another terminal; lines on the nodes and in pods run here: `:on worker`
kind-cannot-start = `{ $line }` cannot be started on this machine
kind-cannot-read-here = cannot read { $file }
kind-no-tcpdump = there is no tcpdump on { $node } to capture with
kind-no-tcpdump-hint = `docker exec { $node } sh -c 'apt-get update && apt-get install -y tcpdump'` puts it there, as the step `tools` does
kind-cannot-capture = cannot capture on { $device } of { $node }
kind-cannot-capture-hint = `docker exec { $node } tcpdump -D` lists the devices
lab-kind-other-cluster = there is a cluster `{ $name }` that does not run as the course's
lab-kind-its-containers = `docker ps -a --filter label=io.x-k8s.kind.cluster={ $name }` shows its containers
lab-kind-if-yours = if it is yours and can go: kind delete cluster --name { $name }
lab-kind-still-tainted = the control plane still takes no pods
lab-kind-taints-hint = `kubectl describe nodes` shows the taints of the nodes
lab-kind-no-random = there are no random octets for a key
lab-kind-did-not-end = `{ $line }` did not end within { $minutes } minutes
lab-kind-ended-badly = `{ $line }` ended with { $status }
lab-kind-doctor-hint = `esplain doctor --lab kind` looks for the usual reasons
lab-kind-not-applied = the cluster's API did not take the manifest
lab-kind-not-ready = not ready after { $minutes } minutes: { $what }
lab-kind-more = more: { $line }
lab-kind-program-missing = `{ $line }`: a program is missing
lab-kind-which-hint = `esplain doctor --lab kind` says which, and where it is to be had
lab-kind-reason-room = `docker system df` shows what takes the room, `docker system prune` frees what nobody uses
lab-kind-reason-inotify = `sudo sysctl -w fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512`, then `esplain lab down --lab kind` and once more
lab-kind-reason-taken = the name is taken: `esplain lab down --lab kind` takes away a cluster that esplain made, `kind delete cluster` any
lab-kind-reason-cgroups = `docker info --format '{"{{"}.CgroupVersion{"}}"} {"{{"}.CgroupDriver{"}}"}'` shows the cgroups; a rootless engine needs version 2 with the controllers delegated
lab-kind-reason-network = the images and charts come over the network: `docker pull hello-world` shows whether the engine reaches it; behind a proxy both the engine and this shell need HTTPS_PROXY
