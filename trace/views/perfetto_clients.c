/* trace/views/perfetto_clients.c: see perfetto.h: the lanes of the clients, the arrows from connect to accept, and what is printed. */
#include "views/perfetto.h"

#include <stdlib.h>
#include <string.h>

/* ---- connections ---- */

static uint64_t
address_key(const struct address *a)
{
	unsigned char bytes[20] = {(unsigned char)a->family, (unsigned char)(a->port >> 8), (unsigned char)a->port};

	memcpy(bytes + 4, a->ip, sizeof a->ip);
	return hash_bytes(bytes, sizeof bytes);
}

/* A traced program connects: known by its own address, which its accept will tell. */
void
perfetto_connects(struct perfetto *p, const struct event *ev)
{
	const struct life *life = model_life(p->m, ev->life);

	if (life == NULL || life->local.port == 0)
		return;
	p->connects = grow(p->connects, p->nconnects, &p->connects_room, sizeof *p->connects);
	p->connects[p->nconnects++] = (struct connect){{chrome_id(ev->pid), chrome_id(ev->tid), ev->begin}};
	map_put(&p->connect_of, address_key(&life->local), p->nconnects);
}

static struct client *
client_named(struct perfetto *p, const char *name)
{
	uint64_t key = hash_bytes(name, strlen(name));
	uint32_t at = map_get(&p->client_of, key);
	struct chrome *c = &p->chrome;

	if (at > 0)
		return &p->clients[at - 1];
	if (p->nclients == 0) {
		out_text(&c->name, "clients");
		chrome_process(c, CHROME_CLIENTS, model_processes(p->m));
	}
	p->clients = grow(p->clients, p->nclients, &p->clients_room, sizeof *p->clients);
	p->nclients++;
	p->clients[p->nclients - 1] = (struct client){.tid = CHROME_CLIENTS + (int64_t)p->nclients};
	map_put(&p->client_of, key, p->nclients);
	out_text(&c->name, name);
	chrome_thread(c, CHROME_CLIENTS, CHROME_CLIENTS + (int64_t)p->nclients, p->nclients);
	return &p->clients[p->nclients - 1];
}

static bool
client_slice(struct perfetto *p, struct client *client, int64_t until)
{
	bool slice = chrome_nests(&client->track, client->since, until);

	if (slice)
		chrome_slice(&p->chrome, "conn", CHROME_CLIENTS, client->tid, client->since, until);
	else
		chrome_instant(&p->chrome, "conn", CHROME_CLIENTS, client->tid, client->since);
	chrome_arg_number(&p->chrome, "seq", (int64_t)client->seq);
	chrome_arg_text(&p->chrome, "connects to", client->to != NULL ? client->to : "");
	return slice;
}

/* What a client was in until now is over: it left, connects anew, or the capture ends. */
static void
client_over(struct perfetto *p, struct client *client, int64_t now)
{
	if (client->accepted) {
		out_text(&p->chrome.name, "connected as ");
		out_life(&p->chrome.name, model_life(p->m, client->life));
	} else if (client->queued) {
		out_text(&p->chrome.name, "in accept queue (never accepted)");
	}
	if (client->shown && (client->accepted || client->queued))
		client_slice(p, client, now);
	out_reset(&p->chrome.name);
	client->accepted = client->queued = false;
}

/* The flow's other end: inside the accept, and not before it began. */
static void
arrow(struct perfetto *p, const struct event *ev, const struct life *life, const int64_t from[3])
{
	int64_t at = from[2] > ev->begin ? from[2] : ev->begin;

	if (at < ev->end && ev->thread < p->nthreads && p->threads[ev->thread].slice == ev->seq)
		chrome_flow(&p->chrome, life->id, from, (const int64_t[3]){chrome_id(ev->pid), chrome_id(ev->tid), at});
}

/* That it was in the queue is inferred: it had connected and was not accepted. */
static void
client_accepted(struct perfetto *p, const struct event *ev, const struct life *life)
{
	struct client *client = client_named(p, life->client);
	int64_t until = ev->begin > client->since ? ev->begin : ev->end;
	const int64_t from[3] = {CHROME_CLIENTS, client->tid, client->since};

	if (client->shown && client->queued && until > client->since) {
		out_text(&p->chrome.name, "in accept queue");
		if (client_slice(p, client, until))
			arrow(p, ev, life, from);
	}
	client->early = !client->queued;
	client->accepted = client->queued;
	client->queued = false;
	client->since = until;
	client->life = life->id;
}

/* At the return of an accept: by then whoever it took has connected. */
void
perfetto_accepted(struct perfetto *p, const struct event *ev, const struct effects *e)
{
	const struct life *life = e->nopened > 0 ? model_life(p->m, e->opened[0]) : NULL;
	uint64_t key = life != NULL ? address_key(&life->peer) : 0;
	uint32_t at = life != NULL && life->peer.port != 0 ? map_get(&p->connect_of, key) : 0;

	if (life == NULL || !life->accepted)
		return;
	if (at > 0) {
		arrow(p, ev, life, p->connects[at - 1].from);
		map_remove(&p->connect_of, key);
	} else if (life->client != NULL) {
		client_accepted(p, ev, life);
	}
}

/* ---- notes, and what befell a process ---- */

static bool
is(struct bytes bytes, const char *word)
{
	return bytes.size == strlen(word) && memcmp(bytes.at, word, bytes.size) == 0;
}

static void
note_words(struct out *o, struct bytes verb, struct bytes text)
{
	if (!is(verb, "prints"))
		out_printable(o, verb);
	if (!is(verb, "prints") && text.size > 0)
		out_char(o, ' ');
	out_printable(o, text);
}

static char *
string_of(struct perfetto *p, struct bytes bytes)
{
	char *string;

	out_escaped(&p->text, bytes);
	out_char(&p->text, '\0');
	string = more(NULL, out_length(&p->text), 1);
	memcpy(string, p->text.start, out_length(&p->text));
	out_reset(&p->text);
	return string;
}

/* From here on it is in a slice: in the queue, or, when the accept came before its note, connected. */
static void
client_connects(struct perfetto *p, struct client *client, const struct event *ev, bool asked)
{
	client_over(p, client, ev->begin);
	client->shown = asked;
	client->accepted = client->early;
	client->queued = !client->early;
	client->early = false;
	client->since = ev->begin;
	client->seq = ev->seq;
	free(client->to);
	client->to = string_of(p, event_item(ev, FDT_ITEM_TEXT));
}

static void
client_note(struct perfetto *p, const struct event *ev, struct bytes who, struct bytes verb, bool asked)
{
	char *name = string_of(p, who);
	struct client *client = client_named(p, name);

	free(name);
	if (is(verb, "connects to")) {
		client_connects(p, client, ev, asked);
		return;
	}
	if ((is(verb, "leaves") || is(verb, "resets")) && client->accepted)
		client_over(p, client, ev->begin);
	if (!asked)
		return;
	note_words(&p->chrome.name, verb, event_item(ev, FDT_ITEM_TEXT));
	chrome_instant(&p->chrome, "client", CHROME_CLIENTS, client->tid, ev->begin);
	chrome_arg_number(&p->chrome, "seq", (int64_t)ev->seq);
}

/* An instant in the lane of what the program prints, with the name that is there. */
void
perfetto_prints(struct perfetto *p, const char *cat, int64_t at)
{
	uint32_t first = capture_header(p->v->capture)->first_pid;
	int64_t pid = chrome_id(first);
	struct out name;

	if (!p->prints) {
		p->prints = true;
		name = p->chrome.name;
		out_open(&p->chrome.name, -1);
		perfetto_process(p, first, 0, "a program");
		out_text(&p->chrome.name, "prints");
		chrome_thread(&p->chrome, pid, CHROME_PRINTS, 1);
		out_close(&p->chrome.name);
		p->chrome.name = name;
	}
	chrome_instant(&p->chrome, cat, pid, CHROME_PRINTS, at);
}

void
perfetto_note(struct perfetto *p, const struct event *ev, bool asked)
{
	struct bytes verb = event_item(ev, FDT_ITEM_VERB);

	if (is(verb, "is"))
		return;
	if (!is(verb, "prints")) {
		client_note(p, ev, event_item(ev, FDT_ITEM_WHO), verb, asked);
		return;
	}
	if (!asked)
		return;
	note_words(&p->chrome.name, verb, event_item(ev, FDT_ITEM_TEXT));
	perfetto_prints(p, "prints", ev->begin);
	chrome_arg_number(&p->chrome, "seq", (int64_t)ev->seq);
}

void
perfetto_clients_over(struct perfetto *p)
{
	for (uint32_t i = 0; i < p->nclients; i++) {
		client_over(p, &p->clients[i], p->over);
		free(p->clients[i].to);
	}
	map_free(&p->client_of);
	map_free(&p->connect_of);
	free(p->clients);
	free(p->connects);
}
