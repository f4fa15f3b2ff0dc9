/** Settings of dockerd for an engine that changes nothing of the host's network: it has none of its own. */
export const NO_NETWORK = {
  bridge: 'none',
  iptables: false,
  ip6tables: false,
  'ip-forward': false,
  'ip-masq': false,
  'userland-proxy': false,
} as const
