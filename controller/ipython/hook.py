# What an engine of ipyparallel runs once, before its first task (see foreign.h),
# and hook_vars.py behind it: functions that IPython calls before and behind every
# execution. They read what the task was given from the metadata and buffers of
# its own message, so the code of a task goes out as it was written, and the
# numbers of its lines are right. Executions of others have no metadata of ours and
# are left alone. Nothing is put into the namespace but a map's item, items and
# args. Both files become one string of Python: no three single quotes in them.

import ast, base64, builtins, errno, io, json, os, resource, shutil, signal, socket, sys
import tempfile, threading
from IPython import get_ipython

shell = get_ipython()
kernel = shell.kernel
NOTHING = object()
was = None      # before the task; None: there is none
late = None     # an interrupt that came too early
report = {}
refusal = None  # why this task cannot be run here


def request():
    if hasattr(kernel, 'get_parent'):
        return kernel.get_parent('shell') or {}
    return kernel._parent_header or {}


def read_line(prompt=''):
    print(prompt, end='', flush=True)
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line[:-1] if line.endswith('\n') else line


def texts(block):
    return [b.decode('utf-8', 'surrogateescape') for b in block.split(b'\0')[:-1]]


def used():
    a = resource.getrusage(resource.RUSAGE_SELF)
    b = resource.getrusage(resource.RUSAGE_CHILDREN)
    return a.ru_utime + b.ru_utime, a.ru_stime + b.ru_stime


# The peak of the whole process, but since the task began (proc(5)).
def forget_peak():
    try:
        with open('/proc/self/clear_refs', 'w') as f:
            f.write('5')
    except OSError:
        pass


def peak():
    try:
        with open('/proc/self/status') as f:
            return next(int(s.split()[1]) for s in f if s.startswith('VmHWM:')) * 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def set_env(env):
    old = {}
    for k, v in env.items():
        old[k] = os.environ.get(k)
        os.environ[k] = v
    return old


def set_names(names):
    old = {}
    for k, v in names.items():
        old[k] = shell.user_ns.get(k, NOTHING)
        shell.user_ns[k] = v
    return old


# But what the task itself put there stays.
def reset_names(old, given):
    for k, v in old.items():
        if shell.user_ns.get(k, NOTHING) is not given[k]:
            continue
        if v is NOTHING:
            del shell.user_ns[k]
        else:
            shell.user_ns[k] = v


class StartError(Exception):
    pass


def leave(old):
    try:
        os.chdir(old['cwd'])
    except OSError:
        pass
    if old['empty_dir']:
        shutil.rmtree(old['empty_dir'], ignore_errors=True)


# To where the task says; or to where it was submitted from, or, when that is not
# here, to an empty directory, which is the answer.
def go_to(cwd, submit_dir):
    wish = cwd or submit_dir
    if not wish:
        return None
    try:
        # A relative one would begin in the engine's own directory.
        if not os.path.isabs(wish):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        os.chdir(wish)
        return None
    except OSError as e:
        if cwd:
            raise StartError('cwd: %s: %s' % (cwd, e.strerror)) from None
    empty = tempfile.mkdtemp(prefix='taskfs-dir-')
    os.chdir(empty)
    return empty


# What is executed instead of the code of a task that cannot be run here: IPython
# goes on when a function that it calls before has failed.
class Refuse(ast.NodeTransformer):
    def visit(self, node):
        if refusal is None:
            return node
        return ast.parse('raise get_ipython()._taskfs_hook["refusal"] from None')


# An interrupt would leave half of a step behind. One that comes before a task's
# code is for that, one behind it for nothing.
class Step:
    def __enter__(self):
        self.interrupted = False
        try:
            self.was = signal.signal(signal.SIGINT, self.interrupt)
        except ValueError:  # not the main thread: nothing is interrupted
            self.was = None
        return self

    def interrupt(self, *ignored):
        self.interrupted = True

    def __exit__(self, *ignored):
        if self.was is not None:
            signal.signal(signal.SIGINT, self.was)


def before():
    global late
    with Step() as step:
        begin()
    if step.interrupted:
        late = threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGINT))
        late.start()


def behind():
    global late
    with Step():
        if late:
            late.cancel()
            late.join()     # it may have begun already: here it does no harm
        late = None
        end()


def octets(value):
    """Bytes in JSON (lib/wire/octets.h) as a text, as os.fsdecode() has it."""
    if isinstance(value, dict):
        return os.fsdecode(base64.b64decode(value['base64']))
    return value


def value_of(task, i, text):
    """What item i of the task is: a text, or a value in JSON (option json_items)."""
    i += task.get('first_item', 0)
    ranges = task.get('json_items', '')
    inside = ranges == 'all'
    for r in () if inside or not ranges else ranges.split(','):
        first, _, last = r.partition('-')
        inside |= int(first) <= i <= int(last or first)
    try:
        return json.loads(text) if inside else text
    except ValueError:
        raise ValueError('json_items: item %d is not JSON: %s' % (i, text)) from None


def begin():
    global was, refusal
    end()
    message = request()
    task = (message.get('metadata') or {}).get('taskfs')
    if not isinstance(task, dict) or 'result' not in task:
        return
    buffers = [bytes(b) for b in message.get('buffers') or []]
    given = lambda k: buffers[task[k]] if k in task else b''
    items, args = texts(given('items')), [octets(a) for a in task.get('args', [])]
    env = {'TASKFS_ID': str(task['result']), 'TASKFS_INDEX': str(task['index']),
           'TASKFS_ENGINE': str(task.get('engine', ''))}
    names, values, bad = {}, [], None
    try:
        values = [value_of(task, i, text) for i, text in enumerate(items)]
    except ValueError as e:
        bad = e
    if items:
        env['TASKFS_ITEM'] = items[0]
    if values:
        names.update(item=values[0], items=values)
    between = {'\\t': '\t'}.get(task.get('columns'), task.get('columns'))
    if items and between:
        items = [c for text in items for c in text.split(between)]
        names['columns'] = items
    if args:
        names['args'] = args
    env.update({k: octets(v) for k, v in task.get('env', {}).items()})
    was = {'stdin': sys.stdin, 'argv': sys.argv, 'input': builtins.input,
           'env': set_env(env), 'cwd': os.getcwd(), 'empty_dir': None,
           'used': used(), 'names': set_names(names), 'given': names}
    refusal = bad
    try:
        was['empty_dir'] = go_to(task.get('cwd'), task.get('submit_dir'))
    except Exception as e:
        refusal = e
    sys.argv = ['-c'] + items + args
    sys.stdin = io.TextIOWrapper(io.BytesIO(given('stdin')), 'utf-8',
                                 'surrogateescape')
    builtins.input = read_line
    report.clear()
    report['cwd'] = os.getcwd()
    forget_peak()


def end():
    global was, refusal
    refusal = None
    if was is None:
        return
    old, was = was, None
    user, system = used()
    report.update(user=user - old['used'][0], system=system - old['used'][1],
                  memory=peak())
    sys.stdin, sys.argv = old['stdin'], old['argv']
    if builtins.input is read_line:
        builtins.input = old['input']
    for k, v in old['env'].items():
        if v is None:
            os.environ.pop(k, None)
        else:
            os.environ[k] = v
    reset_names(old['names'], old['given'])
    leave(old)


class Json:
    def __init__(self, value):
        self.value = value

    def __repr__(self):
        return json.dumps(self.value)


def usage():
    return Json(report)


def about():
    return Json({'host': socket.gethostname(), 'pid': os.getpid()})


last = getattr(shell, '_taskfs_hook', None)
if last:
    last['end']()
    for event, do in last.get('steps', {}).items():
        shell.events.unregister(event, do)
    if last.get('refuse') in shell.ast_transformers:
        shell.ast_transformers.remove(last['refuse'])
steps = {'pre_execute': before, 'post_execute': behind}
refuse = Refuse()
shell.ast_transformers.append(refuse)
shell._taskfs_hook = globals()
for event, do in steps.items():
    shell.events.register(event, do)
