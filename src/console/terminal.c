/* SPDX-License-Identifier: Apache-2.0 */
#include "console/terminal.h"
#include "console/screen.h"

#include <curses.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

#define SIGNAL_STACK (64u << 10)

static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS};
static const int polite[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

static struct {
	struct termios before;
	char restore[256]; /* what is written to it, made beforehand */
	size_t restore_n;
	char *stack;
	struct sigaction was_fatal[ARRAY_SIZE(fatal)], was_polite[ARRAY_SIZE(polite)];
	bool taken;
} terminal;

static volatile sig_atomic_t caught;

int terminal_begin(struct err *e)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) ||
	    tcgetattr(STDIN_FILENO, &terminal.before))
		return err_set(e, ERR_USAGE, "the console needs a terminal; --batch prints a view");
	return 0;
}

/* Only what POSIX allows in a handler. */
static void restore(void)
{
	if (!terminal.taken)
		return;
	ssize_t n = write(STDOUT_FILENO, terminal.restore, terminal.restore_n);
	(void)n;
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal.before);
}

void terminal_end(void)
{
	terminal.taken = false;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal.before);
}

static void on_fatal(int signal)
{
	restore();
	raise(signal); /* SA_RESETHAND: ends as if it had not been caught */
}

static void on_polite(int signal)
{
	if (caught++) {
		restore();
		_exit(128 + signal);
	}
}

static int put_restore(int c)
{
	if (terminal.restore_n < sizeof(terminal.restore))
		terminal.restore[terminal.restore_n++] = (char)c;
	return c;
}

static void add_restore(const char *s)
{
	if (s && s != (char *)-1)
		tputs(s, 1, put_restore);
}

void terminal_catch(void)
{
	struct sigaction a = {.sa_handler = on_fatal, .sa_flags = SA_RESETHAND | SA_ONSTACK};

	terminal.restore_n = 0;
	for (const char *s = "\033[?1000l\033[?1002l\033[?1006l"; tigetstr("kmous") && *s; s++)
		put_restore(*s);
	add_restore(exit_attribute_mode);
	add_restore(cursor_normal);
	add_restore(keypad_local);
	add_restore(exit_ca_mode);
	terminal.taken = true;
	terminal.stack = xmalloc(SIGNAL_STACK);
	sigaltstack(&(stack_t){.ss_sp = terminal.stack, .ss_size = SIGNAL_STACK}, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(fatal); i++)
		sigaction(fatal[i], &a, &terminal.was_fatal[i]);
	a = (struct sigaction){.sa_handler = on_polite};
	for (unsigned i = 0; i < ARRAY_SIZE(polite); i++)
		sigaction(polite[i], &a, &terminal.was_polite[i]);
}

void terminal_uncatch(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(fatal); i++)
		sigaction(fatal[i], &terminal.was_fatal[i], NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(polite); i++)
		sigaction(polite[i], &terminal.was_polite[i], NULL);
	sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
	free(terminal.stack);
	terminal.stack = NULL;
}

bool screen_ending(void)
{
	return caught;
}

void screen_wait(int fd, int ms)
{
	struct pollfd p[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = fd, .events = POLLIN}};

	poll(p, ARRAY_SIZE(p), ms);
}

/* ncurses tells the end of input and "no key yet" alike. */
bool terminal_hung_up(void)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};

	if (poll(&p, 1, 0) <= 0)
		return false;
	if (p.revents & (POLLHUP | POLLERR | POLLNVAL))
		return true;
	/* Readable, and ncurses had nothing of it: an end, unless a key came just now. */
	int waiting = 0;
	return !(ioctl(STDIN_FILENO, FIONREAD, &waiting) == 0 && waiting > 0);
}
