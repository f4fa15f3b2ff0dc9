/** Where xbuild is meant to build otherwise than BuildKit: by case, the things that differ, and why. */
export const DIFFERENCES: Readonly<Record<string, { readonly things: readonly string[]; readonly because: string }>> = {}
