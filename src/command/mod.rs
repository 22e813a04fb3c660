//! Command lines as text: the shell's grammar, wrappers (`sudo`, `docker exec`, `kubectl exec`, `nsenter`, `ip netns exec`)
//! taken off, and iproute2's abbreviations spelled out. Says what a line would run; runs nothing.
