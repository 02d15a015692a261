# The second part of the hook: the variables of the namespace, as the files of
# engines/<id>/vars are them. The engine learns the requests push, pull and vars on
# its control channel, with raw bytes as buffers (doc/PROTOCOL.md).
#
# A value is read as JSON and a newline; bytes are read as they are, and what JSON
# cannot say as its repr. What is written is JSON, or else a text (without the
# newline at its end), or else bytes. As lines (scatter, gather) a value is a list
# with one of those on each line.
#
# LIMIT_... come from lib/wire/limits.h.

import collections, errno, keyword, time, types

# Values that must be looked through element by element to know their size are,
# up to so many elements together in one listing; of others the size is that when
# they were last read. A text is as much work as so many numbers.
ELEMENTS = 100000
PER_TEXT = 5
# Texts that are kept while they are read in pieces, and their bytes together.
READINGS = 8
READINGS_BYTES = LIMIT_VARIABLE
# A push that nobody went on with for so long is forgotten; seconds.
FORGET = 3600
# What is said about an error.
LIMIT_TEXT = 1000

# These are code, not data.
CODE = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType,
        types.MethodType, type)
BYTES = (bytes, bytearray, memoryview)

# IPython would be the worse for other values of these.
IPYTHONS = 'In', 'Out', 'get_ipython', 'exit', 'quit'

# measured: the size is known without somebody having read it.
Seen = collections.namedtuple('Seen', 'key mtime version measured')
seen = {}                                   # name -> Seen
sizes = {}                                  # name -> (of what, bytes, of the lines)
tails = {}                                  # name -> (of what, it was written as a line)
uploads = collections.OrderedDict()         # token -> Upload
readings = collections.OrderedDict()        # (name, as lines, version) -> bytes
# Later than all of a hook before this one.
changes = int(time.time() * 1000000)


def fail(code, text):
    raise OSError(code, text)


def now():
    return int(time.time() * 1000000)


# --- values and bytes ---------------------------------------------------------


# As isinstance(), without asking the value.
def is_a(value, types):
    return issubclass(type(value), types)


def is_numpy(value):
    return type(value).__module__ == 'numpy' and hasattr(value, 'tolist')


def plainer(value):
    if is_a(value, range):
        return list(value)
    if is_numpy(value):
        return value.tolist()
    raise TypeError


encode_json = json.JSONEncoder(ensure_ascii=False, default=plainer).encode


def as_json(value):
    try:
        return encode_json(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None


def as_repr(value):
    try:
        return repr(value)
    except Exception:
        return object.__repr__(value)


def encode(text):
    return (text + '\n').encode('utf-8', 'backslashreplace')


def render(value):
    if is_a(value, BYTES):
        return bytes(value)
    text = as_json(value)
    return encode(as_repr(value) if text is None else text)


def can_be_written(value):
    return is_a(value, (bytes, bytearray)) or as_json(value) is not None


def parse_text(text):
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text[:-1] if text.endswith('\n') else text


def parse(data):
    try:
        text = data.decode('utf-8')
    except UnicodeDecodeError:
        return bytes(data)
    return bytes(data) if '\0' in text else parse_text(text)


# The elements of what is more than one value, or None.
def elements(value):
    if is_a(value, (list, tuple)):
        return value
    if is_a(value, range) or is_numpy(value):
        value = plainer(value)
        return value if is_a(value, list) else None
    return None


# A text stands for itself on a line if it is read back as that.
def render_line(value):
    if is_a(value, str) and '\n' not in value and parse_text(value) == value:
        return encode(value)
    data = render(value)
    return data if data.endswith(b'\n') else data + b'\n'


def render_lines(value):
    parts = elements(value)
    if parts is None:
        return render(value)
    return b''.join(map(render_line, parts))


# How many bytes of lines; data: the value as JSON, or None. What is no text is on
# its line as it is in the list.
def size_of_lines(parts, data):
    if data is None:
        return sum(len(render_line(v)) for v in parts)
    more = sum(len(render_line(v)) - len(encode(as_json(v)))
               for v in parts if is_a(v, str))
    return len(data) - 1 - len(parts) + more if len(parts) else 0


def parse_lines(data):
    parts = bytes(data).split(b'\n')
    if not parts[-1]:
        parts.pop()
    return [parse(part) for part in parts]


# --- the namespace ------------------------------------------------------------


def is_name(name):
    return (name.isidentifier() and not keyword.iskeyword(name) and
            not name.startswith('_') and name not in IPYTHONS and len(name.encode('utf-8')) <= LIMIT_NAME)


def is_variable(name, value):
    return (isinstance(name, str) and is_name(name) and
            not is_a(value, CODE) and
            value is not shell.user_ns_hidden.get(name, NOTHING))


def find(name):
    value = shell.user_ns.get(name, NOTHING)
    return value if value is not NOTHING and is_variable(name, value) else NOTHING


def name_in(q, key='name'):
    name = q.get(key)
    if not isinstance(name, str) or not is_name(name):
        fail(errno.EINVAL, '%s is no name for a variable of Python' % as_repr(name))
    return name


def all_variables():
    found = [n for n, v in list(shell.user_ns.items()) if is_variable(n, v)]
    return sorted(found)[:LIMIT_VARIABLES]


# --- what is told -------------------------------------------------------------


# How many of `left` elements are left behind it; negative: it has more.
def count(value, left):
    todo = [value]
    while todo and left >= 0:
        value = todo.pop()
        left -= 1
        if is_a(value, str):
            left -= PER_TEXT + len(value) // 64
        elif is_a(value, BYTES):
            left -= memoryview(value).nbytes // 64
        elif is_a(value, dict):
            left -= len(value)
            if left >= 0:
                todo.extend(value.values())
        elif is_a(value, (list, tuple, set, frozenset)):
            if len(value) > left:
                return -1
            todo.extend(value)
        elif is_a(value, range):
            left -= len(value)
        elif hasattr(type(value), '__len__'):
            left -= int(getattr(value, 'size', 0) if is_numpy(value) else 1000)
    return left


def whose(value):
    size = getattr(value, 'size', None) if is_numpy(value) else None
    if size is None and hasattr(type(value), '__len__'):
        try:
            size = len(value)
        except Exception:
            size = -1
    return id(value), str(size)


# (of what, bytes, bytes of the lines) as it was read last.
def known_size(name, value):
    known = sizes.get(name)
    return known if known and known[0] == whose(value) else (whose(value), 0, 0)


def remember_size(name, value, data, lines):
    of, n, nlines = known_size(name, value)
    sizes[name] = (of, n, len(data)) if lines else (of, len(data), nlines)


# (key, bytes, bytes of the lines or None): the key is another one when the value
# is.
def measure(value):
    if is_a(value, BYTES):
        data, lines = bytes(value), None
    else:
        text, parts = as_json(value), elements(value)
        data = encode(as_repr(value) if text is None else text)
        lines = (None if parts is None else
                 size_of_lines(parts, None if text is None else data))
    return (len(data), hash(data)), len(data), lines


# The same of one that is not looked through.
def estimate(name, value):
    if is_a(value, (bytes, bytearray)):
        return (id(value), len(value)), len(value), None
    return known_size(name, value)


# [name, bytes, mtime, version, bytes of the lines if those are others], and how
# many elements are left.
def tell(name, value, left, mtime=None):
    global changes
    known, after = None, -1
    try:
        after = count(value, left)
        known = measure(value) if after >= 0 else None
    except Exception:
        pass    # objects may do what they like
    key, n, lines = known or estimate(name, value)
    was = seen.get(name)
    if was is None or was.key != key or mtime is not None:
        changes += 1
        was = seen[name] = Seen(key, mtime or now(), changes, known is not None)
    entry = [name, n, was.mtime, was.version]
    return (entry if lines is None else entry + [lines]), after if known else left


def told(*entries, **how):
    return {'version': changes, 'all': how.get('all', False), 'list': list(entries)}


def tell_all():
    names, left, entries = all_variables(), ELEMENTS, []
    for name in set(seen) - set(names):
        forget(name)
    for name in names:
        value = find(name)
        if value is not NOTHING:
            entry, left = tell(name, value, left)
            entries.append(entry)
    return told(*entries, all=True)


def forget(name):
    global changes
    seen.pop(name, None)
    sizes.pop(name, None)
    tails.pop(name, None)
    changes += 1
    return [name, None, 0, changes]


# --- push ---------------------------------------------------------------------


class Upload:
    def __init__(self, q):
        self.name = name_in(q)
        self.lines = bool(q.get('lines'))
        self.exclusive = bool(q.get('exclusive'))
        how, value = q.get('begin'), find(self.name)
        if how is None:
            fail(errno.ESTALE, 'the engine has forgotten this push')
        if how not in ('empty', 'copy', 'append'):
            fail(errno.EINVAL, 'there is no such beginning')
        if self.exclusive and (value is not NOTHING or is_being_made(self.name)):
            fail(errno.EEXIST, 'there is a variable of that name')
        if value is NOTHING and len(all_variables()) >= LIMIT_VARIABLES:
            fail(errno.ENOSPC, 'the engine has %d variables' % LIMIT_VARIABLES)
        self.new = value is NOTHING or how == 'empty'
        self.append = how == 'append'
        self.partly = not self.new
        self.data = None if self.partly else bytearray()
        self.changed = False
        self.mtime = None

    # What was written, as far as that is known: the text of a text, a line if it was one.
    def written(self, value):
        if is_a(value, BYTES):
            return bytes(value)
        of, line = tails.get(self.name, (None, None))
        if of != whose(value):
            line = not is_a(value, str)
        data = encode(value) if is_a(value, str) else render(value)
        return data if line else data[:-1]

    # What there is, when some of it stays.
    def begin(self):
        if self.data is not None:
            return
        value = find(self.name)
        if value is not NOTHING and not can_be_written(value):
            fail(errno.EINVAL, 'a value of the type %s cannot be changed in part'
                 % type(value).__name__)
        if value is NOTHING:
            self.data = bytearray()
        else:
            self.data = bytearray(self.written(value) if self.append else render(value))

    def take(self, q, data):
        size, offset = q.get('size'), q.get('offset', 0)
        if size is not None:
            if not 0 <= size <= LIMIT_VARIABLE:
                fail(errno.EFBIG, 'a variable may have 1 GiB')
            self.begin()
            self.changed = True
            self.data[size:] = bytes(max(size - len(self.data), 0))
        if len(data):
            self.begin()
            self.write(len(self.data) if self.append else offset, data)
        self.mtime = q.get('mtime', self.mtime)

    def write(self, offset, data):
        if offset < 0 or len(data) > LIMIT_PIECE:
            fail(errno.EINVAL, 'that is no piece')
        if offset + len(data) > LIMIT_VARIABLE:
            fail(errno.EFBIG, 'a variable may have 1 GiB')
        if offset > len(self.data):
            self.data.extend(bytes(offset - len(self.data)))
        self.data[offset:offset + len(data)] = data
        self.changed = True

    def commit(self):
        value = find(self.name)
        if self.exclusive and value is not NOTHING:
            fail(errno.EEXIST, 'there is a variable of that name')
        if self.changed or self.new or value is NOTHING:
            data = self.data or b''
            value = parse_lines(data) if self.lines else parse(data)
            shell.user_ns[self.name] = value
            sizes.pop(self.name, None)
            tails[self.name] = (whose(value), data[-1:] == b'\n')
            self.mtime = self.mtime or now()
        return tell(self.name, value, ELEMENTS, self.mtime)[0]


# Whose writer is gone; those used last are the last.
def forget_uploads():
    while uploads:
        token, u = next(iter(uploads.items()))
        if u.used + FORGET > time.monotonic():
            return
        del uploads[token]


def is_being_made(name):
    return any(u.exclusive and u.name == name for u in uploads.values())


def push(q, buffers, out):
    token = q.get('upload')
    if not isinstance(token, str):
        fail(errno.EINVAL, 'a push has no name')
    forget_uploads()
    u = uploads.pop(token, None)
    if q.get('abandon'):
        return {}
    if u is None:
        u = Upload(q)
    u.take(q, buffers[0] if buffers else b'')
    if q.get('commit'):
        return {'vars': told(u.commit())}
    if len(uploads) >= LIMIT_UPLOADS:
        uploads.popitem(last=False)
    u.used = time.monotonic()
    uploads[token] = u
    return {}


# --- pull ---------------------------------------------------------------------


def read(name, lines, version):
    data = readings.get((name, lines, version))
    if data is None:
        value = find(name)
        if value is NOTHING:
            fail(errno.ENOENT, 'there is no variable of that name')
        data = render_lines(value) if lines else render(value)
        remember_size(name, value, data, lines)
    if len(data) > LIMIT_VARIABLE:
        fail(errno.EFBIG, 'its text has more than 1 GiB')
    is_now = '%x.%x' % (len(data), hash(data) & 0xffffffffffffffff)
    if version is not None and version != is_now:
        fail(errno.ESTALE, 'it was changed while it was read')
    return data, is_now


def pull(q, buffers, out):
    name, lines = name_in(q), bool(q.get('lines'))
    offset, length = int(q.get('offset', 0)), int(q.get('length', 0))
    if offset < 0 or not 0 <= length <= LIMIT_PIECE:
        fail(errno.EINVAL, 'that is no piece')
    data, version = read(name, lines, q.get('version'))
    key = name, lines, version
    readings.pop(key, None)
    if offset + length < len(data):
        readings[key] = data
        while len(readings) > 1 and (len(readings) > READINGS or sum(
                map(len, readings.values())) > READINGS_BYTES):
            readings.popitem(last=False)
    out.append(data[offset:offset + length])
    reply = {'offset': offset, 'size': len(data), 'version': version}
    value = find(name)
    if value is not NOTHING and name in seen and not seen[name].measured:
        reply['vars'] = told(tell(name, value, 0)[0])
    return reply


# --- removing, renaming, listing ----------------------------------------------


def variables(q, buffers, out):
    verb = q.get('verb')
    if verb == 'list':
        return {'vars': tell_all()}
    name = name_in(q)
    value = find(name)
    if value is NOTHING:
        fail(errno.ENOENT, 'there is no variable of that name')
    if verb == 'remove':
        shell.user_ns.pop(name)
        return {'vars': told(forget(name))}
    if verb != 'rename':
        fail(errno.EINVAL, 'there is no such verb')
    to = name_in(q, 'to')
    if q.get('exclusive') and find(to) is not NOTHING:
        fail(errno.EEXIST, 'there is a variable of that name')
    shell.user_ns[to] = shell.user_ns.pop(name)
    gone, entry = forget(name), tell(to, value, ELEMENTS, now())[0]
    return {'vars': told(gone, entry)}


# --- requests -----------------------------------------------------------------


# Text that can be sent in any case: a request without an answer waits for ever.
def why_not(code, text):
    text = text[:LIMIT_TEXT].encode('utf-8', 'backslashreplace').decode('utf-8')
    return {'status': 'error', 'ename': 'VariableError', 'evalue': text,
            'traceback': [], 'errno': errno.errorcode.get(code, 'EREMOTEIO')}


def serve(reply, do):
    def on_request(stream, ident, parent):
        out = []
        try:
            buffers = [memoryview(b) for b in parent.get('buffers') or []]
            content = do(parent['content'], buffers, out)
            content['status'] = 'ok'
        except OSError as e:
            content = why_not(e.errno, str(e.strerror))
        except MemoryError:
            content = why_not(errno.ENOMEM, 'the engine has no memory for it')
        except BaseException as e:
            content = why_not(errno.EREMOTEIO, as_repr(e))
        kernel.session.send(stream, reply, content, parent=parent, ident=ident,
                            buffers=out)
    return on_request


for request_type, reply_type, do in (
        ('push_request', 'push_reply', push),
        ('pull_request', 'pull_reply', pull),
        ('vars_request', 'vars_reply', variables)):
    kernel.control_handlers[request_type] = serve(reply_type, do)
