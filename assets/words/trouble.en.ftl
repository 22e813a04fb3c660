# What failed and what to do next: sentences of more than one room.

trouble-places = places: { $places }
trouble-nodes-appear = nodes appear with `kind create cluster --config kind-config.yaml` on the machine, pods after Cilium is installed
trouble-file-unread-at = cannot read { $full } on { $place }
trouble-list-files = `:on { $place }`, then `ls` lists its files
trouble-not-sent = { $from } does not send to { $to }
trouble-filter = the filter `{ $filter }` is off
trouble-not-ended-at = `{ $line }` on { $place } did not end within { $seconds } seconds
trouble-not-ended = `{ $command }` did not end within { $seconds } seconds
trouble-no-job = `{ $line }`: there is no job { $number }
trouble-not-set-up = the step `{ $step }` could not be set up
trouble-set-up-again = `:reset` begins the step again; `:skip` goes on without it
trouble-no-capture-file = { $path } cannot be read as a capture
trouble-stdout = standard output cannot be written
trouble-progress-kept = progress is kept
trouble-no-capture-file-at = { $path } on { $place } is no capture that can be read
trouble-write-capture = write one with `tcpdump -w`, as pcap or pcapng
trouble-no-self = this program does not find itself
trouble-unwritten = { $path } cannot be written
trouble-not-made = { $path } cannot be made
trouble-places-are = its places are { $places }
trouble-unread = { $name } cannot be read
trouble-newer = { $name } was written by a newer esplain
