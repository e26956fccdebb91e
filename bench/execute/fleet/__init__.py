"""Blocks on the nodes of a Ray cluster.

A block stays whole: all of its processes are on one node, and alone there (on an accelerator: alone on a card), so
that loops take turns as on one machine, and each ratio is one of a single node. What comes before and after the blocks
runs on one of the nodes, too: the machine that the command is given on measures nothing, and needs no accelerator.
A block whose node is lost is measured again on another one; nothing of a block that did not end is kept.
"""
