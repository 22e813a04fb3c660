# Lines on the learner's own machine (the kind lab).

consent-line = This runs on **your own machine**:
consent-probes = To see how far a step is, the guide looks at **your own machine** by these commands, which change nothing:
consent-question = Run it?
consent-refused = `{ $line }` was not run
consent-hint = type it in another terminal instead: the guide looks at its effect; or work on the nodes: `:on worker`
