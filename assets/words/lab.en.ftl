# What `esplain lab` says.

lab-is-up = The kernel lab is up: { $places }.
    A command there: esplain lab exec worker ip xfrm state
    Down again:      esplain lab down
lab-is-down = The kernel lab is not up. esplain lab up makes it.
lab-went-down = The kernel lab is down; nothing of it is left.

lab-kind-will-run = These commands run on your own machine, in a folder of their own; everything else runs in the cluster's nodes:
lab-kind-cannot-ask = there is no terminal to ask on
lab-kind-yes = `--yes` runs them without asking
lab-kind-again = what is done stays done: the same command again goes on from here
lab-kind-was-done = done before
lab-kind-interrupted = interrupted: the line that ran was ended
lab-kind-unfinished = what an interrupted `kind create cluster` had left ({ $count } containers) was taken away
lab-kind-waits = { $seconds } s, waiting for: { $what }
lab-kind-cluster = A cluster of a control plane and two workers, without a CNI (kind)
lab-kind-taint = Pods may run on the control plane, too
lab-kind-key = The key for IPsec, as a secret
lab-kind-install = Cilium with IPsec (Helm)
lab-kind-ready = Nodes and agents become ready
lab-kind-tools = tcpdump, net-tools and ping on the workers
lab-kind-pods = Two pods on two workers
lab-kind-is-up = The kind lab is up: { $places }.
    The course on it: esplain --lab kind
    Down again:       esplain lab down --lab kind
lab-kind-is-down = The kind lab is not up. esplain lab up --lab kind makes it.
lab-kind-not-ours = the cluster `{ $name }` was not made by esplain, so it stays: { $containers }
lab-kind-by-the-engine = kind did not do it: { $count } containers were taken away through the Docker Engine; `kubectl config delete-context kind-{ $name }` takes it out of kubectl's configuration
lab-kind-went-down = The kind lab is gone. The network `kind` and the images stay: other clusters may use them.

# Which lab `auto` takes, and why.
lab-auto-kind = Lab: kind. The cluster of the course runs behind the Docker Engine at { $engine }; `--lab sim` takes the simulated one.
lab-auto-sim = Lab: sim, the simulated cluster; not kind: { $why }.
lab-auto-not-for-kind = this course is not for it
lab-auto-no-cluster = no cluster `{ $cluster }` runs with its three nodes
