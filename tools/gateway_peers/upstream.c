/* A model that answers at once: one thread, epoll, answers kept ready. Usage: upstream PORT
 *
 * A request with "stream":true gets a stream: its first token after 50 ms, then 20 more, 10 ms apart; the head leaves at once.
 * Any other gets 0.9 KB of JSON. Requests in line on one connection are answered in order. For benchmarks on loopback only.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FILES = 4096, BUFFER = 1 << 16, TOKENS = 21, EVENTS = 256 };
static const int64_t FIRST_NS = 50000000, NEXT_NS = 10000000;

typedef struct {
    int filled, sent; /* sent: tokens of the stream under way; -1 without one */
    int64_t due;
    char bytes[BUFFER];
} Caller;

static Caller *callers[MAX_FILES];
static int streaming[MAX_FILES], streams;
static char whole[4096], part[TOKENS][512], last[1024];
static int whole_bytes, part_bytes[TOKENS], last_bytes;

static const char TEXT[] =
    "Thank you for writing to us, and I am sorry that the watering can was missing when you opened the parcel. I looked at the "
    "order: our warehouse sent it apart on Wednesday, because it did not fit beside the shears, and the carrier expects to be "
    "at your door tomorrow before noon. Should it fail to arrive by Friday, write back and we will gladly post the blue one "
    "instead, without asking for the two pounds. As for the shears, you may keep them for thirty days and decide at leisure; "
    "returning them costs nothing, as long as the blades were not sharpened. Enjoy your garden, and do send a picture of the first roses when they are out!";

static const char STREAM_HEAD[] =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int chunk(char *into, const char *said) { return sprintf(into, "%zx\r\n%s\r\n", strlen(said), said); }

static void make_ready(void) {
    char body[2048], line[512];
    int size = sprintf(body,
        "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"small\",\"choices\":[{\"index\":0,"
        "\"message\":{\"role\":\"assistant\",\"content\":\"%s\"},\"finish_reason\":\"stop\"}],"
        "\"usage\":{\"prompt_tokens\":210,\"completion_tokens\":128,\"total_tokens\":338}}", TEXT);
    whole_bytes = sprintf(whole,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s", size, body);
    const char *at = TEXT;
    for (int i = 0; i < TOKENS; i++) {
        int word = (int)strcspn(at + 1, " ") + 1;
        sprintf(line,
            "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"small\","
            "\"choices\":[{\"index\":0,\"delta\":{%s\"content\":\"%.*s\"},\"finish_reason\":null}]}\n\n",
            i ? "" : "\"role\":\"assistant\",", word, at);
        part_bytes[i] = chunk(part[i], line);
        at += word;
    }
    last_bytes = chunk(last,
        "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"small\","
        "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
    last_bytes += sprintf(last + last_bytes, "0\r\n\r\n");
}

static void say(int file, const char *bytes, int size) {
    if (write(file, bytes, (size_t)size) != size) shutdown(file, SHUT_RDWR); /* loopback: a full buffer means nobody reads */
}

static void forget(int file) {
    for (int i = 0; i < streams; i++)
        if (streaming[i] == file) {
            streaming[i] = streaming[--streams];
            break;
        }
    callers[file]->sent = -1;
}

/* Answer the first request in the buffer; false while it is not whole, or while a stream is under way. */
static int answer(int file) {
    Caller *caller = callers[file];
    if (caller->sent >= 0) return 0;
    char *end = strstr(caller->bytes, "\r\n\r\n");
    if (!end) return 0;
    char *said = strcasestr(caller->bytes, "content-length:");
    int size = (int)(end - caller->bytes) + 4 + (said && said < end ? atoi(said + 15) : 0);
    if (size >= BUFFER || caller->filled < size) return 0;
    char kept = caller->bytes[size];
    caller->bytes[size] = 0;
    int is_stream = strstr(end, "\"stream\":true") || strstr(end, "\"stream\": true");
    caller->bytes[size] = kept;
    memmove(caller->bytes, caller->bytes + size, (size_t)(caller->filled - size));
    caller->filled -= size;
    caller->bytes[caller->filled] = 0;
    if (is_stream) {
        say(file, STREAM_HEAD, sizeof STREAM_HEAD - 1);
        caller->sent = 0;
        caller->due = now_ns() + FIRST_NS;
        streaming[streams++] = file;
    } else {
        say(file, whole, whole_bytes);
    }
    return 1;
}

static void send_due(int timer) {
    int64_t now = now_ns(), next = 0;
    for (int i = streams - 1; i >= 0; i--) {
        int file = streaming[i];
        Caller *caller = callers[file];
        if (caller->due <= now) {
            say(file, part[caller->sent], part_bytes[caller->sent]);
            caller->due += NEXT_NS;
            if (++caller->sent == TOKENS) {
                say(file, last, last_bytes);
                forget(file);
                while (answer(file)) continue;
                continue;
            }
        }
        if (!next || caller->due < next) next = caller->due;
    }
    struct itimerspec when = {.it_value = {.tv_sec = next / 1000000000LL, .tv_nsec = next % 1000000000LL}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, 0); /* all zero: no timer */
}

static void take(int listener, int poll) {
    int one = 1, file = accept4(listener, 0, 0, SOCK_NONBLOCK);
    if (file < 0) return;
    if (file >= MAX_FILES || (!callers[file] && !(callers[file] = malloc(sizeof(Caller))))) {
        close(file);
        return;
    }
    setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    callers[file]->filled = 0;
    callers[file]->sent = -1;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = file};
    epoll_ctl(poll, EPOLL_CTL_ADD, file, &event);
}

static void hear(int file, int timer) {
    Caller *caller = callers[file];
    ssize_t got = read(file, caller->bytes + caller->filled, (size_t)(BUFFER - 1 - caller->filled));
    if (got <= 0) {
        forget(file);
        close(file);
        return;
    }
    caller->filled += (int)got;
    caller->bytes[caller->filled] = 0;
    int before = streams;
    while (answer(file)) continue;
    if (streams > before) send_due(timer);
}

int main(int count, char **words) {
    if (count != 2) return 2;
    make_ready();
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0), poll = epoll_create1(0);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024)) {
        perror("upstream");
        return 1;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, found[EVENTS];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    event.data.fd = timer;
    epoll_ctl(poll, EPOLL_CTL_ADD, timer, &event);
    for (;;) {
        int ready = epoll_wait(poll, found, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            int file = found[i].data.fd;
            uint64_t times;
            if (file == listener) {
                take(listener, poll);
            } else if (file == timer) {
                if (read(timer, &times, sizeof times) > 0) send_due(timer);
            } else {
                hear(file, timer);
            }
        }
    }
}
