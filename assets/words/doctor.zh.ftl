# `esplain doctor` 说的话。

doctor-sim = sim：内置实验环境是本程序的一部分，什么都不需要。
doctor-kernel = kernel：用本机 Linux 内核的网络命名空间，需要
doctor-there = 具备
doctor-missing = 缺少
doctor-because = 原因：{ $why }
doctor-mend = 修复：{ $command }
doctor-kernel-runs = 内核实验环境可以在这里运行：esplain --lab kernel
doctor-kernel-does-not-run = 内核实验环境不能在这里运行；内置的可以：esplain --lab sim
doctor-auto = `--lab auto` 选用 sim：它什么都不需要，而且每个人得到的集群、密钥和地址都相同。
doctor-linux = Linux 内核
doctor-program-unshare = 创建命名空间
doctor-program-nsenter = 进入命名空间
doctor-program-bash = 运行你的命令
doctor-program-ip = 查看和设置状态、策略、规则与路由
doctor-program-tc = 设置 Cilium 的 BPF 程序所设的标记
doctor-program-tcpdump = 显示数据包
doctor-program-ping = 发送数据包
doctor-namespaces = 自己的网络、挂载、PID 和主机名命名空间
doctor-config-veth = 成对的网络设备，也就是网线
doctor-config-bridge = 节点之间的网桥
doctor-config-xfrm-user = 状态和策略
doctor-config-inet-esp = 使用 AES-GCM 的 ESP
doctor-config-ip-multiple-tables = 规则和路由表（`ip rule`）
doctor-config-net-sch-ingress = 设置标记的挂载点
doctor-config-net-cls-u32 = 找出 ESP 的过滤器
doctor-config-net-cls-flower = 找出 Pod 网段的过滤器
doctor-config-net-cls-matchall = 匹配一切的过滤器
doctor-config-net-act-skbedit = 设置标记的动作
doctor-config-seccomp-filter = 普通用户的 tcpdump 所需的系统调用过滤器
doctor-kind = kind：Docker 里的真实集群需要
doctor-docker = 运行节点容器的引擎
doctor-program-kind = 创建和删除集群
doctor-program-kubectl = 与集群通信
doctor-program-helm = 安装 Cilium
doctor-cgroup = 每个节点一个 cgroup，kubelet 靠它计量和限制资源：{ $version }，{ $driver }，{ $kind ->
    [rootless] rootless 引擎
   *[rootful] 整机的引擎
}
doctor-cgroup-rootless = kind 用 rootless 引擎时需要 cgroup v2
doctor-cgroup-controllers = 无法限制 { $missing }
doctor-cgroup-kernel = 改用内核带有 CONFIG_CPUSETS 和 CONFIG_CGROUP_SCHED 的引擎（DOCKER_HOST、`docker context use`）
doctor-memory = 三个带 Cilium 的节点；引擎所在的机器有 { $has }
doctor-processors = 引擎所在的机器有 { $has } 个处理器
doctor-more = 给引擎所在的机器更多资源，或改用另一个引擎（DOCKER_HOST、`docker context use`）
doctor-more-desktop = Docker Desktop：Settings → Resources，然后 Apply & restart
doctor-limit-above = { $kind ->
    [rootless] 对该用户的服务的限制，引擎的容器也在其中
   *[rootful] 引擎的容器之上的一个限制
}
doctor-limit-outside = 本系统自身就是一个容器：请在启动它的地方提高限制（`docker update`、它的 Pod 或服务）
doctor-inotify = 三个 Kubernetes 节点要监视很多文件
doctor-room = 存放镜像的空间
doctor-limit = 现有 { $has }，需要 { $least }
doctor-programs-missing = 这台机器缺少搭建所需的程序
doctor-too-old = 版本是 { $found }，需要 { $wanted } 或更新
doctor-no-version = 它没有说出自己的版本
doctor-kind-name-taken = 已经有一个名为 `{ $name }` 的集群，它不是本课程的，或者没有完整运行
doctor-kind-runs = kind 实验环境可以在这里运行：esplain lab up --lab kind
doctor-kind-does-not-run = kind 实验环境不能在这里运行；内嵌的可以：esplain --lab sim
