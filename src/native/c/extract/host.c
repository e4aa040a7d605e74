/* SPDX-License-Identifier: GPL-2.0-only */
/* What the driver of held functions needs of the host's C library, whose headers do not mix with the kernel's names. */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>

extern void __gcov_dump(void) __attribute__((weak));
extern void __gcov_reset(void) __attribute__((weak));

static sigjmp_buf landing;
/* whether a held function runs: a trap anywhere else is a mistake of the driver's */
int extract_running;

void *extract_landing(void)
{
	return landing;
}

void extract_leave(int why)
{
	siglongjmp(landing, why);
}

static void trap(int signal)
{
	if (!extract_running)
		_Exit(128 + signal);
	siglongjmp(landing, 1);
}

void extract_traps(void)
{
	static char stack[1 << 16];
	stack_t alternative = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_handler = trap, .sa_flags = SA_ONSTACK | SA_NODEFER };

	sigaltstack(&alternative, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGFPE, &action, NULL);
	sigaction(SIGILL, &action, NULL);
}

void extract_count(void)
{
	if (__gcov_dump) {
		__gcov_dump();
		__gcov_reset();
	}
}
