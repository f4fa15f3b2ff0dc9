/**
 * Which namespaces a program gets; always mount and pid namespaces of its own, with its own /proc.
 * `root-native`: no user namespace, as Docker runs things. `root-emulate`: a user namespace in which every id is
 * itself, so that the
 * handlers are private. `rootless`: a user namespace in which root is the calling user.
 */
export type NamespaceKind = 'root-native' | 'root-emulate' | 'rootless'
