# `esplain lab` 说的话。

lab-is-up = 内核实验环境已启动：{ $places }。
    在其中运行命令：esplain lab exec worker ip xfrm state
    关闭：          esplain lab down
lab-is-down = 内核实验环境没有启动。用 esplain lab up 启动。
lab-went-down = 内核实验环境已关闭，没有留下任何东西。
