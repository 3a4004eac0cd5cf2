/* SPDX-License-Identifier: Apache-2.0 */
#include "console/action.h"
#include "console/menu.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* For every view; offered where the row has the values. */
static const struct view_action common[] = {
	{.hotkey = 'K',
	 .description = "kill the task (Marathon)",
	 .argv = {"curl", "-sS", "-X", "DELETE", "%marathon.url/v2/tasks/%mesos.task.id"},
	 .ask = true,
	 .wait = true},
	{.hotkey = 'W',
	 .description = "open the capture in Wireshark",
	 .argv = {"wireshark", "-r", "%capture.file"}},
};

/* ---- values of the row ---- */

static void put_cell(const struct cell *cell, struct text *out)
{
	if (cell->text)
		text_put(out, cell->text, cell->n);
	else if (!isnan(cell->number) && cell->number == floor(cell->number))
		text_i64(out, (int64_t)cell->number);
}

static bool put_step(const struct ui *ui, const char *field, struct text *out)
{
	for (size_t i = ui->path.n; i--;) {
		const struct view_step *s = &ui->path.steps[i];
		if (!s->value || !str_eq(s->field, field))
			continue;
		text_str(out, s->value);
		return true;
	}
	return false;
}

/* Beside fields: what the program was told. */
static bool put_known(const struct ui *ui, const char *field, struct text *out)
{
	const char *value = str_eq(field, "marathon.url")   ? ui->o->marathon
			    : str_eq(field, "capture.file") ? ui->o->capture
							    : NULL;

	if (value)
		text_str(out, value);
	return value;
}

static bool put_value(const struct ui *ui, const char *field, struct text *out)
{
	const struct level *l = &ui->levels[ui->n_levels - 1];
	const struct table_row *r = ui_row(ui);
	size_t before = out->len;

	for (size_t k = 0; r && k < l->shot->n_columns; k++) {
		const struct view_column *info = l->shot->columns[k].info;
		if (!str_eq(info->field, field) || info->fold != FOLD_NONE ||
		    info->group_fold != FOLD_NONE)
			continue; /* a count of tasks is no task */
		put_cell(&r->cells[k], out);
		if (out->len > before)
			return true;
	}
	if (r && r->key && l->info->kind != VIEW_LIST &&
	    str_eq(view_drilled(l->info)->field, field)) {
		text_put(out, r->key, r->key_n);
		return true;
	}
	return put_step(ui, field, out) || put_known(ui, field, out);
}

/* ---- words ---- */

static size_t name_length(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_.");

	while (n && s[n - 1] == '.')
		n--;
	return n;
}

/* What a value may do to a command: nothing. */
static int check_value(const char *field, const struct text *value, bool first, struct err *e)
{
	if (!value->len)
		return err_set(e, ERR_FAILED, "%s is empty", field);
	if (first && value->data[0] == '-')
		return err_set(e, ERR_FAILED, "%s begins with '-' and could be taken for an option",
			       field);
	for (size_t i = 0; i < value->len; i++)
		if ((uint8_t)value->data[i] < 0x20 || value->data[i] == 0x7f)
			return err_set(e, ERR_FAILED, "%s has control characters", field);
	return 0;
}

static int expand(const struct ui *ui, const char *word, struct text *out, struct err *e)
{
	bool url = strstr(word, "/v2/");
	size_t begin = out->len;
	struct text value = {0};
	int status = 0;

	while (*word && !status) {
		size_t n = *word == '%' ? name_length(word + 1) : 0;
		if (!n) {
			text_char(out, *word++);
			continue;
		}
		cleanup_free char *field = xstrndup(word + 1, n);
		text_reset(&value);
		if (!put_value(ui, field, &value))
			status = err_set(e, ERR_FAILED, "it has no %s", field);
		else
			status = check_value(field, &value, out->len == begin, e);
		if (!status && url && out->len > begin)
			text_percent(out, value.data, value.len, "/?#&{}[]\\"); /* curl's globs */
		else if (!status)
			text_put(out, value.data, value.len);
		word += 1 + n;
	}
	text_done(&value);
	return status;
}

struct words {
	struct text bytes;
	size_t at[VIEW_ACTION_WORDS];
	size_t n;
};

static int make_words(const struct ui *ui, const struct view_action *a, struct words *w,
		      struct err *e)
{
	for (w->n = 0; w->n < VIEW_ACTION_WORDS && a->argv[w->n]; w->n++) {
		w->at[w->n] = w->bytes.len;
		if (expand(ui, a->argv[w->n], &w->bytes, e))
			return -1;
		text_char(&w->bytes, '\0');
	}
	return w->n ? 0 : err_set(e, ERR_FAILED, "it says no program");
}

int action_line(const struct ui *ui, const struct view_action *a, struct text *out, struct err *e)
{
	struct words w = {0};
	int status = make_words(ui, a, &w, e);

	for (size_t i = 0; i < w.n && !status; i++) {
		const char *word = w.bytes.data + w.at[i];
		bool quote = !*word || strpbrk(word, " \t'\"\\$&|;<>()*?[]{}~#!`");
		text_fmt(out, quote ? "%s'%s'" : "%s%s", i ? " " : "", word);
	}
	text_done(&w.bytes);
	return status;
}

/* ---- running ---- */

static int run(char **argv, struct err *e)
{
	posix_spawnattr_t attr;
	sigset_t defaults, none;
	pid_t pid;
	int status = 0;

	sigemptyset(&none);
	sigfillset(&defaults);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	/* Where our own parent ignores these, nobody would be told how the program ended. */
	signal(SIGCHLD, SIG_DFL);
	/* ^C is for the program. */
	struct sigaction ignore = {.sa_handler = SIG_IGN}, was_int, was_quit;
	sigaction(SIGINT, &ignore, &was_int);
	sigaction(SIGQUIT, &ignore, &was_quit);
	int failed = posix_spawnp(&pid, argv[0], NULL, &attr, argv, environ);
	if (!failed)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			continue;
	sigaction(SIGINT, &was_int, NULL);
	sigaction(SIGQUIT, &was_quit, NULL);
	posix_spawnattr_destroy(&attr);
	if (failed)
		return err_set(e, ERR_FAILED, "%s: %s", argv[0], strerror(failed));
	if (WIFSIGNALED(status))
		return err_set(e, ERR_FAILED, "%s: ended by signal %d", argv[0], WTERMSIG(status));
	if (WEXITSTATUS(status))
		return err_set(e, ERR_FAILED, "%s: exit status %d", argv[0], WEXITSTATUS(status));
	return 0;
}

static void wait_for_enter(void)
{
	char c;

	while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n' && c != '\r')
		continue;
}

static void execute(struct ui *ui, const struct view_action *a)
{
	struct words w = {0};
	struct text line = {0}, clean = {0};
	char *argv[VIEW_ACTION_WORDS + 1] = {0};
	struct err e = {0};

	if (make_words(ui, a, &w, &e) || action_line(ui, a, &line, &e)) {
		ui_say(ui, STYLE_ERROR, "not run: %s", e.message);
	} else {
		for (size_t i = 0; i < w.n; i++)
			argv[i] = w.bytes.data + w.at[i];
		text_plain(&clean, line.data, line.len);
		screen_leave();
		printf("$ %s\n", text_cstr(&clean));
		fflush(stdout);
		int status = run(argv, &e);
		if (a->wait || status) {
			text_reset(&clean);
			text_plain(&clean, e.message, strlen(e.message));
			printf("\n[%s] Enter goes back to cdredge\n",
			       status ? text_cstr(&clean) : "done");
			fflush(stdout);
			wait_for_enter();
		}
		screen_return();
	}
	text_done(&w.bytes);
	text_done(&line);
	text_done(&clean);
}

/* ---- the question ---- */

static const struct view_action *asked;

/* What the rows are of, where it is not what a program would meet that is run here and now. */
static const char *elsewhere(const struct ui *ui)
{
	if (ui_file(ui))
		return "The capture is of another time, and maybe of another host.\n";
	return ui->o->feed->ask ? "The rows are of another host; it runs on this one.\n" : NULL;
}

static void draw(struct ui *ui)
{
	struct text line = {0}, all = {0};
	struct err e;
	unsigned height = screen_height(), width = screen_width();

	footer_hint(ui, NULL);
	action_line(ui, asked, &line, &e);
	if (elsewhere(ui))
		text_str(&all, elsewhere(ui));
	text_fmt(&all, "Run: %s", text_cstr(&line));
	unsigned rows = paint_wrapped(height, 0, width, 0, 0, all.data, all.len);
	rows = MIN(rows, height - 1);
	for (unsigned i = 0; i < rows; i++)
		paint_str(height - 1 - rows + i, 0, width, STYLE_TEXT, "");
	paint_wrapped(height - 1 - rows, 0, width, rows, 0, all.data, all.len);
	paint_str(height - 1, 0, width, STYLE_WARN, "y runs it, any other key does not");
	text_done(&line);
	text_done(&all);
}

static bool request(struct ui *ui, enum request r, int key)
{
	if (r == REQ_RESIZE)
		return true;
	ui->overlay = NULL;
	if (key == 'y' || key == 'Y')
		execute(ui, asked);
	return true;
}

static bool pointed(struct ui *ui, const struct pointed *p)
{
	(void)ui;
	(void)p;
	return true;
}

static const struct pane question = {
	.draw = draw, .request = request, .pointed = pointed, .holds = true};

void action_start(struct ui *ui, const struct view_action *a)
{
	struct text line = {0};
	struct err e = {0};

	if (action_line(ui, a, &line, &e)) {
		ui_say(ui, STYLE_ERROR, "not run: %s", e.message);
	} else if (a->ask || elsewhere(ui)) {
		asked = a;
		ui->overlay = &question;
	} else {
		execute(ui, a);
	}
	text_done(&line);
}

/* ---- which ---- */

static bool is_for_row(const struct ui *ui, const struct view_action *a)
{
	const char *value = a->when ? strchr(a->when, '=') : NULL;
	struct text is = {0};

	if (!value)
		return true;
	cleanup_free char *field = xstrndup(a->when, (size_t)(value - a->when));
	bool same = put_value(ui, field, &is) && str_eq(text_cstr(&is), value + 1);
	text_done(&is);
	return same;
}

size_t actions_of(struct ui *ui, const struct view_action *out[ACTIONS_MAX])
{
	const struct view_info *v = ui_level(ui)->info;
	struct text line = {0};
	size_t n = 0;

	for (size_t i = 0; i < v->n_actions && n < ACTIONS_MAX; i++)
		if (is_for_row(ui, &v->actions[i]))
			out[n++] = &v->actions[i];
	for (size_t i = 0; i < ARRAY_SIZE(common) && n < ACTIONS_MAX; i++)
		if (!action_line(ui, &common[i], &line, NULL))
			out[n++] = &common[i];
	text_done(&line);
	return ui_row(ui) ? n : 0;
}

bool action_key(struct ui *ui, int key)
{
	const struct view_action *all[ACTIONS_MAX];
	size_t n = actions_of(ui, all);

	for (size_t i = 0; i < n; i++) {
		if (all[i]->hotkey != key)
			continue;
		action_start(ui, all[i]);
		return true;
	}
	return false;
}
