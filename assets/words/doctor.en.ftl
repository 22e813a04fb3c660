# What `esplain doctor` says.

doctor-sim = sim: the embedded lab is part of this program and needs nothing.
doctor-kernel = kernel: network namespaces of this Linux kernel need
doctor-there = ok     
doctor-missing = MISSING
doctor-because = because: { $why }
doctor-mend = mend it: { $command }
doctor-kernel-runs = The kernel lab runs here: esplain --lab kernel
doctor-kernel-does-not-run = The kernel lab does not run here; the embedded one does: esplain --lab sim
doctor-auto = `--lab auto` takes sim: it needs nothing, and gives everyone the same cluster with the same keys and addresses.
doctor-linux = the Linux kernel
doctor-program-unshare = makes the namespaces
doctor-program-nsenter = enters them
doctor-program-bash = runs your commands
doctor-program-ip = shows and sets states, policies, rules and routes
doctor-program-tc = sets the marks that Cilium's BPF programs set
doctor-program-tcpdump = shows packets
doctor-program-ping = sends them
doctor-namespaces = network, mount, PID and host name namespaces of your own
doctor-config-veth = pairs of network devices, the cables
doctor-config-bridge = a bridge between the nodes
doctor-config-xfrm-user = states and policies
doctor-config-inet-esp = ESP with AES-GCM
doctor-config-ip-multiple-tables = rules and tables (`ip rule`)
doctor-config-net-sch-ingress = the hook for the marks
doctor-config-net-cls-u32 = a filter that finds ESP
doctor-config-net-cls-flower = a filter that finds pod networks
doctor-config-net-cls-matchall = a filter that finds everything
doctor-config-net-act-skbedit = the action that sets a mark
doctor-config-seccomp-filter = the filter that an ordinary user's tcpdump needs
doctor-kind = kind: a real cluster in Docker needs
doctor-docker = the engine that the node containers run in
doctor-program-kind = makes and removes the cluster
doctor-program-kubectl = speaks to the cluster
doctor-program-helm = installs Cilium
doctor-cgroup = a cgroup for each node, which kubelet counts and limits by: { $version }, { $driver }, { $kind ->
    [rootless] a rootless engine
   *[rootful] an engine of the whole machine
}
doctor-cgroup-rootless = a rootless engine needs cgroup v2 for kind
doctor-cgroup-controllers = no limits by { $missing }
doctor-cgroup-kernel = an engine on a kernel with CONFIG_CPUSETS and CONFIG_CGROUP_SCHED (DOCKER_HOST, `docker context use`)
doctor-memory = three nodes with Cilium; the engine's machine has { $has }
doctor-processors = the engine's machine has { $has ->
    [one] one
   *[other] { $has }
}
doctor-more = give the machine of the engine more, or take another engine (DOCKER_HOST, `docker context use`)
doctor-more-desktop = Docker Desktop: Settings, Resources, then Apply & restart
doctor-limit-above = { $kind ->
    [rootless] a limit for this user's services, the engine's containers among them
   *[rootful] a limit that lies above the engine's containers
}
doctor-limit-outside = this system is itself a container: raise the limit where it was started (`docker update`, its pod, its service)
doctor-inotify = three nodes of Kubernetes watch many files
doctor-room = room for the images
doctor-limit = { $has }, where { $least } are needed
doctor-programs-missing = this machine lacks what the set-up runs
doctor-too-old = version { $found }, where { $wanted } or newer is needed
doctor-no-version = it does not say its version
doctor-kind-name-taken = there is a cluster `{ $name }` that is not the course's, or does not run whole
doctor-kind-runs = The kind lab can run here: esplain lab up --lab kind
doctor-kind-does-not-run = The kind lab does not run here; the embedded one does: esplain --lab sim
