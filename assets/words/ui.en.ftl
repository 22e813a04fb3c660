# The guided shell.

ui-lab-simulated = This lab is **simulated**: the cluster lives in this process (`sim`). Packets, keys and encryption are real; the clock, the processes and Kubernetes are a model. Nothing on your machine is touched.
ui-lab = This lab is `{ $lab }`: commands run on the real thing.
ui-how-to = Type commands as you would on the nodes. Lines that begin with `:` speak to the guide: `:help` lists them, `:hint` helps, `:next` goes on, `:quit` (or Ctrl-D) leaves{ $kept ->
    [yes] ; your progress is kept
   *[no] {""}
}.
ui-how-to-leave = Type `:quit` or press Ctrl-D to leave{ $kept ->
    [yes] ; your progress is kept
   *[no] {""}
}.
ui-farewell = You are at step { $at } of { $of }, `{ $step }`. `esplain` goes on from there next time.
ui-not-saved = Progress cannot be saved: { $why }. It is kept in memory only; free some space, or set `XDG_STATE_HOME` to a folder that can be written.
ui-watching-files = Watching `{ $folder }`: what you save is taken up at the prompt. Progress is not kept.
ui-reloaded = Changed: { $files }. The lesson goes on with it.
ui-not-reloaded = Changed: { $files }. The lesson cannot be used like this, and goes on as it was:
ui-kept-aside = The record of your progress held something that cannot be read. The old file is kept as `{ $path }`; everything that could be read still counts.
ui-newer = A newer esplain wrote the record of your progress (`{ $path }`). It is left as it is, and nothing of today is recorded.
ui-in-use = Another esplain has this course open (`{ $path }`). What you do here is not recorded.
ui-unwritable = Progress cannot be saved in `{ $path }`: { $why }. It is kept in memory only; set `XDG_STATE_HOME` to a folder that can be written.

ui-step-line = Step { $at } of { $of } · { $part } · { $step } · lab { $lab ->
    [sim] sim (simulated)
   *[other] { $lab }
}
ui-task-on = Task (on { $place })
ui-check-met = done
ui-check-open = open
ui-met = Check passed.
ui-seen = What you have seen
ui-notes = Read it line by line
ui-not-yet = Not yet. { $why }
ui-check-why = `{ $line }` did not count. { $why }
ui-check-nothing = There is nothing to check in this step; `:next` goes on.
ui-step-done = **Step done.** `:next` goes on.
ui-skipped = Skipped. The lab is as if you had done it.
ui-next-open = This step is not done yet. `:hint` helps, `:solve` does it for you, `:skip` goes on without it.
ui-next-quiz = A question is open. Answer it, or let `:skip` show the answer.
ui-first-step = This is the first step.
ui-course-done = That was the last step. `:notes` writes down what you have seen; `:steps` shows every step.
ui-course-open = Still open: `:goto { $step }`.
ui-no-step = there is no step `{ $name }`
ui-steps-hint = `:steps` lists all of them.
ui-steps-number = no.
ui-steps-id = step
ui-steps-title = title
ui-steps-state = state
ui-state-here = you are here
ui-state-done = done
ui-state-assisted = done with help
ui-state-skipped = skipped
ui-state-open = open
ui-score = Questions: { $right } right of { $asked } asked so far ({ $first } at the first try), { $of } in the course.
ui-hint = Hint { $at } of { $of }
ui-hint-last = The next `:hint` shows the solution.
ui-hint-quiz = A question has no hints: look at the output again (commands still run), or let `:skip` show the answer.
ui-solution = Solution
ui-nothing-to-solve = There is nothing to run in this step; `:next` goes on.

ui-question = Question { $at } of { $of }
ui-how-choice = Type the number of your answer. Commands still run; `:skip` shows the answer.
ui-how-choices = Type the numbers of all the right answers, such as `1 3`. Commands still run; `:skip` shows the answer.
ui-how-number = Type a number. Commands still run; `:skip` shows the answer.
ui-how-hex = Type the value as the tools print it. Commands still run; `:skip` shows the answer.
ui-how-address = Type an address. Commands still run; `:skip` shows the answer.
ui-how-text = Type your answer in a few words, or `:answer` and your words. Commands still run; `:skip` shows the answer.
ui-how-packet = Type the packet's number in `:packets`. Commands still run; `:skip` shows the answer.
ui-answer-right = Right.
ui-answer-wrong = Not right.
ui-answer-again = Try again, or let `:skip` show the answer.
ui-answer-is = The answer: **{ $answer }**
ui-answers-between = ;{" "}
ui-quiz-none = This step has no question.
ui-quiz-none-open = no question is open now
ui-quiz-done = Every question of this step is answered.
ui-quiz-later = The questions come when the task is done.
ui-wants-option = Type numbers between 1 and { $options }.
ui-wants-number = That is not a number. Type one such as 12 or 0xc.
ui-wants-hex = That is not a value of this kind. Type one such as 0x10 or, with its mask, 0x10/0xf0.
ui-wants-address = That is not an address. Type one such as 192.0.2.1.
ui-wants-text = Type a few words.
ui-wants-packet = Type the number of a packet; `:packets` lists { $packets }.
ui-wants-later = The lab cannot judge this yet: { $why }.

ui-no-place = there is no place `{ $name }`
ui-places-are = Places now: { $places }.
ui-place = place
ui-place-kind = what it is
ui-place-addresses = addresses
ui-place-name = full name
ui-kind-machine = the machine that runs kind and kubectl
ui-kind-node = node
ui-kind-pod = pod on { $node }
ui-here = {" "}(you are here)

ui-no-command = there is no command `:{ $name }`
ui-did-you-mean = Did you mean `{ $word }`?
ui-see-help = `:help` lists the commands.
ui-takes-nothing = nothing may follow `:{ $name }`, but `{ $rest }` does
ui-help-lines = Plain lines run at the place that the prompt names. A trailing `&` makes a job: `jobs`, `fg`, `kill %1`. Lines that begin with `:` speak to the guide:
ui-help-keys = Tab completes, Ctrl-R searches the history, Ctrl-C cancels a line or a command (a second one forces it), Ctrl-Z puts a command into the background (`fg` brings it back), Ctrl-D leaves. The beginning of a command's name is enough.
ui-help-help = this list, or one command
ui-help-task = shows the task once more
ui-help-next = goes to the next step
ui-help-back = goes to the step before
ui-help-goto = goes to a step, by its name or number
ui-help-steps = lists all steps and your progress
ui-help-hint = opens the next hint; the last one is the solution
ui-help-solve = lets the guide do it while you watch
ui-help-skip = goes on as if the step were solved; shows the answer of an open question
ui-help-check = says what is still open, and why the last line did not count
ui-help-quiz = asks the open question once more
ui-help-answer = answers the open question
ui-help-on = changes the place where lines run
ui-help-nodes = lists the places
ui-help-play = free play: nothing is checked until `:resume`
ui-help-resume = back to the step, and to the lab as it was before `:play`
ui-help-notes = writes your notes as Markdown
ui-help-lang = changes the language: en, zh
ui-help-reset = starts the step (or with `all` the course) again
ui-help-report = what to send when a step is wrong
ui-help-quit = leaves

ui-run-pasted = Run these { $count } lines?
ui-prompt-play = play
ui-prompt-quiz = quiz
ui-preparing = Preparing: step { $at } of { $of }, { $step } …
ui-preparing-all = Preparing the { $of } steps before this one …
ui-job-running = running
ui-job-done = done
ui-job-exit = exit { $status }
ui-job-behind = It goes on in the background: `fg %{ $number }` brings it back, `kill %{ $number }` ends it.
ui-no-jobs = there is no job in the background
ui-no-job = there is no job `{ $name }`
ui-jobs-hint = `jobs` lists them; a trailing `&` makes one.

ui-playing = **Free play.** Nothing is checked. `:resume` brings back the step and the lab as they are now.
ui-not-playing = You are not in free play; `:task` shows the step.
ui-language-is = The language is { $language }. `:lang en` or `:lang zh` changes it.
ui-no-language = there is no language `{ $name }`
ui-languages = esplain speaks `en` (English) and `zh` (中文).
ui-reset-words = `:reset` takes nothing, or `all`, and `yes` to leave out the question; found `{ $rest }`
ui-reset-step = Start the step { $step } again, and bring the lab back to where it began?
ui-reset-all = Forget all progress in this course and start again?
ui-reset-not = Nothing was reset. (Without a terminal, say `:reset yes`.)
ui-report = Something wrong with this step? Send these lines, and what you expected:
ui-notes-heading = { $title } ({ $state })
ui-notes-written = Your notes are in `{ $path }`. Keys are left out of them.
ui-notes-not-written = the notes cannot be written to { $path }
ui-notes-hint = Name another file: `:notes /tmp/notes.md`.

ui-live-inside = decrypted:{" "}
ui-live-closed = not decrypted:{" "}
ui-live-again-esp = the same ESP packet as #{ $first }, seen again
ui-live-again-clear = the same packet as #{ $first }, seen again
ui-live-clear-of = what was inside ESP #{ $other }, opened by the kernel: no leak
ui-live-sealed-of = the packet #{ $other }, now encrypted
ui-outcome-no-sa = no state for SPI { $spi } to { $dst } (the kernel would count XfrmInNoStates)
ui-outcome-bad-icv = { $tried ->
    [1] the ICV of SPI { $spi }, seq { $seq } does not fit the key (the kernel would count XfrmInStateProtoError)
   *[other] the ICV of SPI { $spi }, seq { $seq } fits none of { $tried } keys (the kernel would count XfrmInStateProtoError)
}
ui-outcome-unsupported = its state cannot be used: { $why }
ui-outcome-fragment = a fragment; ESP opens only when the packet is whole again
ui-outcome-too-deep = ESP in ESP, more than { $limit } deep
ui-outcome-truncated = the capture was cut: { $need } octets are needed, { $have } are there
ui-outcome-malformed = broken: { $why }

ui-map = The cluster
ui-map-simulated = The cluster (simulated)
ui-map-legend = pod – lxc (the pod's veth) – cilium_host and cilium_net (one veth pair) – eth0 – the wire.
ui-map-plan = This is the plan: the cluster is not built yet.
ui-map-seen = The numbers are the packets that the last command caused; `:show N` opens one.
ui-map-unseen = No packet was seen yet: `ping` from a pod, then look again.
ui-map-wire = kind network { $gateway }
ui-map-packets = packets
ui-map-lxc = pod's veth
ui-map-net = peer of cilium_host
ui-watching = Watching { $nodes }. Packets appear above the prompt as they happen; `:watch off` stops.
ui-watching-off = Not watching any more; `:packets` still lists what passes.
ui-packets-none = No packets yet. Cause some: `ping` from one pod to the other.
ui-packets-title = { $count } packets seen on { $nodes }
ui-packets-title-simulated = { $count } packets seen on { $nodes } (simulated)
ui-help-map = draws the cluster, and where the last packets have been
ui-help-picture = shows a picture: `architecture`, `path` (of a ping), `esp` (the octets of the last ESP packet)
ui-help-watch = shows packets above the prompt as they happen
ui-help-packets = lists the packets that passed the node
ui-watch-filter = `{ $filter }` is not a filter that tcpdump would take
ui-watch-hint = Say `:watch` for all packets, `:watch esp` or `:watch icmp or arp` for some, `:watch off` for none.
ui-help-decrypt = opens a capture file of this place with the node's keys; `--sa FILE`, `--key HEX` or `--no-key` uses others, or none
ui-decrypt-usage = `:decrypt` takes a capture file, and `--sa FILE`, `--key HEX` or `--no-key`
ui-decrypt-example = For example: `:decrypt all-ipsec.cap`, or `:decrypt all-ipsec.cap --no-key`.
ui-key-not-hex = that is not a key: a key is written in hexadecimal digits, two for each octet
ui-key-length = a key of { $octets } octets does not fit `rfc4106(gcm(aes))`: 20, 28 or 36 are needed
ui-key-hint = That is an AES key of 16, 24 or 32 octets and a salt of 4, as `ip xfrm state` prints them behind `0x`.
ui-no-states = there is no XFRM state in { $from }
ui-no-states-hint = Run `ip xfrm state` on a node; `--no-key` shows what can be seen without.
ui-keys-from = Keys: { $count } states from { $from }.
ui-keys-given = Keys: the one you gave (fingerprint { $fingerprint }), tried on every SA of the capture.
ui-keys-none = Keys: none. This is what a stranger on the wire sees.
ui-decrypt-more = … and { $more } more. `esplain decrypt` shows files of any size.
ui-decrypt-summary = **{ $frames } packets:** { $opened } decrypted, { $clear } in clear, { $refused } refused by their ICV, { $missing } without a state, { $other } unreadable.
ui-decrypt-torn = The file ends in the middle: { $why }. Everything before that is above.
ui-help-show = opens a packet: `:show 7`, or the latest by `:show esp`, `:show clear`
ui-no-packet = there is no packet `{ $name }`
ui-no-packet-hint = `:packets` lists them; cause some with `ping` from a pod.
ui-show-simulated = (A simulated packet: its octets, the key and the encryption are real.)
ui-place-missing = `{ $place }` is not there yet: an earlier step builds it. `:goto 2` leads to the set-up.
ui-packets-dropped = Dropped by the kernel while the guide captured: { $count }
ui-dropped = Frames that the kernel dropped while the guide captured (its buffer was full): { $count }. The list of packets has gaps.
ui-dropped-none = The kernel dropped no frame while the guide captured: the list of packets is whole.
ui-caught = The guide saw { $count } packets on { $nodes } meanwhile:
ui-caught-simulated = The guide saw { $count } packets on { $nodes } meanwhile (simulated):
ui-caught-more = … and { $more } more: `:packets`. (`:watch off` leaves this list out; `:watch` shows packets as they happen.)
ui-help-explain = explains the output of the last line, field by field
ui-explain-nothing = there is no output to explain yet
ui-explain-unknown = the last line's output holds nothing that can be explained
ui-explain-hint = Run `ip x s`, `ip x p`, `ip rule`, `ip r s t 200` or `tcpdump` first, then `:explain`.
ui-help-trace = follows one packet hop by hop: rule, table, policy, state, mark
ui-trace-usage = `:trace` takes two words: where a packet starts, and where it goes
ui-trace-example = For example: `:trace pod-a pod-b`, or `:trace worker pod-b`.
ui-trace-source = no packet can start at `{ $name }`: it is neither a pod nor a node here

# Said before a recording is played. $lab is sim, kernel or kind; $day a date; $keys one of the two sentences below.
ui-recording = This is a recording, made on the lab `{ $lab }` on { $day }. { $keys } A line that was not run in it is refused, with what was run at that point.
ui-recording-substitutes = Its keys are substitutes, drawn for it alone; the packets are sealed with them.
ui-recording-keys = Its keys are those of the lab itself.
ui-recording-torn = The recording was cut off ({ $why }); it plays up to there.
ui-lab-recording = This lab is a recording: nothing runs, everything is shown as it was.

# A recording as Markdown: below its title, below a line that failed, above its packets.
export-head = Recorded on the lab `{ $lab }` on { $day }. { $keys }
export-status = It ended with status { $status }.
export-packets = { $count ->
    [one] The guide saw one packet:
   *[other] The guide saw { $count } packets:
}
