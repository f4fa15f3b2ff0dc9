const ARM = { soft: 0x200, hard: 0x400 }
const LOONGARCH = [undefined, 'soft-float', 'single-float', 'double-float'] as const
const RISCV = ['soft-float', 'single-float', 'double-float', 'quad-float'] as const

/**
 * How a program passes floating-point numbers, as the flags of its ELF header say (ELF for the Arm Architecture,
 * "EF_ARM_ABI_FLOAT"; RISC-V ELF psABI, "EF_RISCV_FLOAT_ABI"; LoongArch ELF psABI, "EF_LOONGARCH_ABI"): libraries of another way cannot be loaded into it.
 */
export function floatAbi(architecture: string, flags: number): string | undefined {
  if (architecture === 'riscv64' || architecture === 'riscv32') return RISCV[(flags >> 1) & 3]
  if (architecture === 'loong64' || architecture === 'loong32') return LOONGARCH[flags & 7]
  if (architecture !== 'arm') return undefined
  const isHard = (flags & ARM.hard) !== 0
  return isHard === ((flags & ARM.soft) !== 0) ? undefined : isHard ? 'hard-float' : 'soft-float'
}
