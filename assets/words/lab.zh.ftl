# `esplain lab` 说的话。

lab-is-up = 内核实验环境已启动：{ $places }。
    在其中运行命令：esplain lab exec worker ip xfrm state
    关闭：          esplain lab down
lab-is-down = 内核实验环境没有启动。用 esplain lab up 启动。
lab-went-down = 内核实验环境已关闭，没有留下任何东西。

lab-kind-will-run = 下面的命令会在你自己的机器上、在一个单独的目录里运行；其余的都在集群节点里运行：
lab-kind-cannot-ask = 这里没有终端可以询问
lab-kind-yes = 加上 `--yes` 就不再询问，直接运行
lab-kind-again = 已经完成的部分会保留：再次运行同一条命令，就从这里继续
lab-kind-was-done = 之前已经完成
lab-kind-interrupted = 已中断：正在运行的命令已被结束
lab-kind-unfinished = 已删除上次中断的 `kind create cluster` 留下的 { $count } 个容器
lab-kind-waits = { $seconds } 秒，正在等待：{ $what }
lab-kind-cluster = 一个控制平面、两个 worker、没有 CNI 的集群（kind）
lab-kind-taint = 让 Pod 也能运行在控制平面上
lab-kind-key = IPsec 的密钥，存为 Secret
lab-kind-install = 带 IPsec 的 Cilium（Helm）
lab-kind-ready = 等待节点和代理就绪
lab-kind-tools = 在 worker 上安装 tcpdump、net-tools 和 ping
lab-kind-pods = 两个 worker 上的两个 Pod
lab-kind-is-up = kind 实验环境已启动：{ $places }。
    在上面学习课程：esplain --lab kind
    删除：          esplain lab down --lab kind
lab-kind-is-down = kind 实验环境没有启动。用 esplain lab up --lab kind 启动。
lab-kind-not-ours = 集群 `{ $name }` 不是 esplain 创建的，所以保留不动：{ $containers }
lab-kind-by-the-engine = kind 没有完成删除：已通过 Docker Engine 删除 { $count } 个容器；用 `kubectl config delete-context kind-{ $name }` 可从 kubectl 的配置中去掉它
lab-kind-went-down = kind 实验环境已删除。网络 `kind` 和镜像保留下来：其他集群可能在用。

# `auto` 选了哪个实验环境，为什么。
lab-auto-kind = 实验环境：kind。课程的集群正在 { $engine } 的 Docker Engine 上运行；用 `--lab sim` 可改用模拟环境。
lab-auto-sim = 实验环境：sim（模拟集群）；没有用 kind，原因：{ $why }。
lab-auto-not-for-kind = 本课程不支持 kind
lab-auto-no-cluster = 没有三个节点都在运行的集群 `{ $cluster }`
