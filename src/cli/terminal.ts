/** The parts of `process` that commands use. */
export type Terminal = Pick<
  NodeJS.Process,
  'stdin' | 'stdin' | 'stdout' | 'stderr' | 'env' | 'cwd' | 'on' | 'off' | 'exit'
>
