# Lessons from a folder: the question before anything of them runs.

trust-head = The lessons in { $folder } are not part of esplain. Walking through them, the guide runs these lines by itself (a step that is skipped is solved by its own solution):
trust-where-sim = They run on the simulated cluster inside this process, and on nothing else.
trust-where-kernel = They run as root of the lab's own namespaces: `machine`, the nodes and the pods are all inside the lab. Your own files can be read there.
trust-where-kind = They run in the node containers of the kind cluster. A line at `machine` is for your own machine, and is shown and asked for each time.
trust-head-proof = The lessons in { $folder } are not part of esplain. Proving them runs these lines, those that they call wrong included:
trust-question = Walk through these lessons?
trust-question-proof = Run these lessons?
trust-refused = nothing was run
trust-cannot-ask = the lessons in { $folder } are not part of esplain, and there is no terminal to ask on
trust-hint = read them, then say `{ $call } --trust`
