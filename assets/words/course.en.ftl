# Why a command does not count yet. Patterns and commands stand in backquotes.

miss-elsewhere = It ran on { $ran }; the task is on { $wanted }.
miss-other-command = This is not the task's command (`{ $wanted }`).
miss-other-line = This does not do what the task asks for.
miss-still-running = It is still running; the step looks at it when it has ended.
miss-ended = It has ended; the task wants it to run in the background (`… &`).
miss-status = It ended with status { $got }, not { $wanted }.
miss-output-lacks = Its output lacks something that the task is about: nothing fits `{ $pattern }`.
miss-output-has = Its output shows something that does not belong to the task: `{ $text }`.
miss-no-items = Its output lists no { $kind ->
    [states] states
    [policies] policies
    [rules] rules
    [routes] routes
   *[addresses] addresses
}.
miss-item-count = It lists { $got } { $kind ->
    [states] states
    [policies] policies
    [rules] rules
    [routes] routes
   *[addresses] addresses
}; the task is about { $wanted }.
miss-item-lacks = Among the { $kind ->
    [states] states
    [policies] policies
    [rules] rules
    [routes] routes
   *[addresses] addresses
} it lists, none has `{ $pattern }`.
miss-keys-hidden = The keys are hidden; the task needs them.
miss-packets = { $what ->
    [esp] ESP packets seen: { $got }, wanted: { $wanted }.
    [clear] Readable packets between the pods: { $got }, wanted: { $wanted }.
    [leaked] Packets between the pods that left the node in clear: { $got }, wanted: { $wanted }.
    [decrypted] Packets decrypted: { $got }, wanted: { $wanted }.
    [refused] Packets refused by their ICV: { $got }, wanted: { $wanted }.
    [no-sa] Packets without a state: { $got }, wanted: { $wanted }.
   *[copies] Sightings of one ESP packet: { $got }, wanted: { $wanted }.
}
miss-device = There is no ESP from { $device } in it. Was every device captured (`-i any`)?
miss-no-file = The capture { $path } on { $at } cannot be read: { $why }.
miss-guide = `:{ $command }` could not do what it was asked.
miss-other-packet = That is not the packet that the task is about.
miss-world = Not there yet, as `{ $run }` on { $at } shows. { $why }
miss-lab = The lab could not be asked: { $why }.
miss-not-yet = An earlier step is still open: there is no { $variable } yet.
