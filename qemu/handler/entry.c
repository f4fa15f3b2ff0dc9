/* The way in, and from here to QEMU. */
#include "handler.h"

/* Called with the stack as the kernel left it. */
__attribute__((used, visibility("hidden"))) void begin(long *stack)
{
    long argc = stack[0];
    char **argv = (char **)(stack + 1), **env = argv + argc + 1, **end = env;
    while (*end) end++;
    handle(argc, argv, env, (const struct auxiliary *)(end + 1));
}

/*
 * The beginning of the blob: a jump, and at offset 8 the way from here to QEMU's own entry point, filled in when the two are put together.
 * Stack and registers go on as the kernel set them up.
 */
#ifdef __x86_64__
__asm__(".section .text.entry,\"ax\"\n"
        ".globl _start\n_start:\n"
        "  jmp 1f\n"
        "  .balign 8\n"
        "2: .quad 0\n"
        "1: mov %rsp, %rdi\n"
        "  push %rdx\n"
        "  push %rbp\n"
        "  mov %rsp, %rbp\n"
        "  and $-16, %rsp\n"
        "  call begin\n"
        "  mov %rbp, %rsp\n"
        "  pop %rbp\n"
        "  pop %rdx\n"
        "  lea _start(%rip), %rax\n"
        "  add 2b(%rip), %rax\n"
        "  xor %edi, %edi\n"
        "  jmp *%rax\n");
#else
__asm__(".section .text.entry,\"ax\"\n"
        ".globl _start\n_start:\n"
        "  b 1f\n"
        "  .balign 8\n"
        "2: .quad 0\n"
        "1: mov x19, x0\n"
        "  mov x0, sp\n"
        "  bl begin\n"
        "  mov x0, x19\n"
        "  adr x16, _start\n"
        "  ldr x17, 2b\n"
        "  add x16, x16, x17\n"
        "  br x16\n");
#endif
