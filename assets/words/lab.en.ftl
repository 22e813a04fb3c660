# What `esplain lab` says.

lab-is-up = The kernel lab is up: { $places }.
    A command there: esplain lab exec worker ip xfrm state
    Down again:      esplain lab down
lab-is-down = The kernel lab is not up. esplain lab up makes it.
lab-went-down = The kernel lab is down; nothing of it is left.
