/** Where a GCC lives and how it was built: nothing that it writes depends on these. */
const IRRELEVANT =
  /^--(build|host|enable-languages|enable-bootstrap|enable-link-serialization|program-prefix|includedir|enable-objc-gc|enable-libphobos-checking)(=|$)|^--with-(build-config|sysroot|target-system-zlib)(=|$)|^--without-(target-system-zlib|cuda-driver)$/

/** The cross compiler has no offloading: the rules of the recipes leave to QEMU what would use it. */
const GUARDED = /^--enable-offload-(targets|defaulted)(=|$)/

/** Options that two GCCs were configured with differently, as far as it could matter. */
export function configuredDifferently(one: readonly string[], other: readonly string[]): string[] {
  const matters = (option: string) => !IRRELEVANT.test(option) && !GUARDED.test(option)
  const only = (from: readonly string[], without: readonly string[]) =>
    from.filter((option) => matters(option) && !without.includes(option))
  return [...only(one, other), ...only(other, one)]
}
