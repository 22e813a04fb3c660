# Saves what `esplain trace SRC DST --state state` asks for. Nothing is changed on a node, and no key is saved.
#
# A file a node or pod, in the folder `state`. On a kind cluster:
#
#   mkdir -p state
#   for node in $(kind get nodes --name cilium-ipsec-native-routing); do
#     esplain trace --how-to-save | docker exec -i "$node" sh > "state/$node.txt"
#   done
#   esplain trace --how-to-save | kubectl exec -i POD -- sh > state/POD.txt     # a pod, where it has `ip`
#
# Elsewhere: esplain trace --how-to-save | ssh root@NODE sh > state/NODE.txt
#
# A folder a node (state/worker/ip-rule.txt) or a file a text (state/worker.ip-rule.txt) will do as well: ip-addr,
# ip-rule, ip-route, ip-xfrm-state, ip-xfrm-policy, and where they can be had ip-neigh, sysctl and tc. The name of a file
# or folder is the name of the node or pod in `esplain trace`.

