/*
 * xstate-shim.c -- preloaded into user-mode-linux by boot.sh. It stands between the guest kernel and ptrace(2) and
 * mends two things there:
 *
 *   1. XSAVE size. UML up to at least 6.1 keeps a guest task's extended registers in a buffer of fixed size. On a CPU
 *      whose XSAVE area is larger (AMX, some AVX-512 parts) the host rejects a PTRACE_SETREGSET of the shorter area with
 *      EFAULT and the guest panics before init. The shim reads the task's whole area, lays UML's bytes over its
 *      beginning, and writes the whole back. Where the sizes agree this changes nothing.
 *   2. Orphans. A guest is several host processes: the kernel, its helpers (made by clone) and one traced process for
 *      each guest task. PR_SET_PDEATHSIG makes the kernel die with whoever started it and the helpers with the kernel;
 *      PTRACE_O_EXITKILL does the same for the tasks. So no way of killing boot.sh leaves a guest process behind.
 *
 * Invariant: any other request goes to the host kernel as it came, with glibc's return convention for the PEEK family.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif
#define OLD_SETOPTIONS 21 /* PTRACE_OLDSETOPTIONS, which UML falls back to */

/* The largest XSAVE area known (AMX) is under 12 KiB. */
static char area[64 * 1024];

static long set_xstate(pid_t pid, const struct iovec *given)
{
	struct iovec whole = { area, sizeof(area) };
	size_t len;

	if (syscall(SYS_ptrace, PTRACE_GETREGSET, pid, NT_X86_XSTATE, &whole) < 0)
		return -1;
	len = given->iov_len < whole.iov_len ? given->iov_len : whole.iov_len;
	memcpy(area, given->iov_base, len);
	return syscall(SYS_ptrace, PTRACE_SETREGSET, pid, NT_X86_XSTATE, &whole);
}

long ptrace(enum __ptrace_request request, ...)
{
	va_list ap;
	pid_t pid;
	void *addr, *data;

	va_start(ap, request);
	pid = va_arg(ap, pid_t);
	addr = va_arg(ap, void *);
	data = va_arg(ap, void *);
	va_end(ap);

	switch ((int)request) {
	case PTRACE_SETREGSET:
		if ((long)addr == NT_X86_XSTATE)
			return set_xstate(pid, data);
		break;
	case PTRACE_SETOPTIONS:
	case OLD_SETOPTIONS:
		data = (void *)((long)data | PTRACE_O_EXITKILL);
		return syscall(SYS_ptrace, PTRACE_SETOPTIONS, pid, addr, data);
	case PTRACE_PEEKTEXT:
	case PTRACE_PEEKDATA:
	case PTRACE_PEEKUSER: {
		/* The system call stores the word and returns 0; glibc's wrapper returns the word. */
		long word, result = syscall(SYS_ptrace, request, pid, addr, &word);

		return result < 0 ? result : word;
	}
	default:
		break;
	}
	return syscall(SYS_ptrace, request, pid, addr, data);
}

__attribute__((constructor)) static void die_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

struct start {
	int (*run)(void *);
	void *arg;
};

static int start_mortal(void *arg)
{
	struct start start = *(struct start *)arg;

	die_with_parent();
	return start.run(start.arg);
}

/* What to run is put at the top of the child's own stack, which nobody else can be using yet. */
int clone(int (*run)(void *), void *stack, int flags, void *arg, ...)
{
	static int (*next)(int (*)(void *), void *, int, void *, ...);
	struct start *start = (struct start *)((unsigned long)stack & ~15UL) - 1;

	if (!next)
		next = (int (*)(int (*)(void *), void *, int, void *, ...))dlsym(RTLD_NEXT, "clone");
	start->run = run;
	start->arg = arg;
	return next(start_mortal, start, flags, start);
}
