/**
 * The same for Python: a module is loaded and called in a process of its own; the network, other programs and writing
 * are refused by an audit hook, which code of the module cannot take off again.
 */
export const PROBE_PYTHON = String.raw`
import asyncio, builtins, datetime, importlib, inspect, json, math, os, random, sys, time

with open(sys.argv[1]) as given:
    request = json.load(given)
out = os.open(request['out'], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
root = request['root']
touched = set()

def tell(record):
    os.write(out, (json.dumps(record) + '\n').encode())

NOW = request['now'] / 1000
real_datetime, real_date = datetime.datetime, datetime.date

def fixed(value):
    def read(*args, **kwargs):
        touched.add('the clock')
        return value
    return read

class Meta(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, cls._real)
    def __subclasscheck__(cls, other):
        return issubclass(other, cls._real)

class FixedDate(real_date, metaclass=Meta):
    _real = real_date
    @classmethod
    def today(cls):
        touched.add('the clock')
        return real_date.fromtimestamp(NOW)

class FixedDatetime(real_datetime, metaclass=Meta):
    _real = real_datetime
    @classmethod
    def now(cls, tz=None):
        touched.add('the clock')
        return real_datetime.fromtimestamp(NOW, tz)
    @classmethod
    def utcnow(cls):
        touched.add('the clock')
        return real_datetime.fromtimestamp(NOW, datetime.timezone.utc).replace(tzinfo=None)
    @classmethod
    def today(cls):
        return cls.now()

datetime.datetime, datetime.date = FixedDatetime, FixedDate
time.time, time.time_ns = fixed(NOW), fixed(int(NOW * 1e9))
time.monotonic, time.perf_counter = fixed(NOW), fixed(NOW)
time.localtime = (lambda real: lambda secs=None: real(NOW if secs is None else secs))(time.localtime)
time.gmtime = (lambda real: lambda secs=None: real(NOW if secs is None else secs))(time.gmtime)
random.seed(request['seed'])

NETWORK = ('socket.connect', 'socket.bind', 'socket.getaddrinfo', 'socket.gethostby', 'socket.sendto', 'urllib.', 'http.', 'ftplib.', 'smtplib.')
PROGRAMS = ('subprocess.', 'os.system', 'os.exec', 'os.fork', 'os.posix_spawn', 'os.spawn', 'pty.', 'os.kill', 'ctypes.')
WRITES = ('os.remove', 'os.rename', 'os.mkdir', 'os.rmdir', 'os.chmod', 'os.chown', 'os.link', 'os.symlink', 'os.truncate', 'os.utime', 'shutil.')

def refuse(what):
    touched.add(what)
    raise PermissionError('refused while the behaviour is recorded: ' + what)

def audit(event, args):
    if event.startswith(NETWORK):
        refuse('the network')
    if event.startswith(PROGRAMS):
        refuse('other programs')
    if event.startswith(WRITES):
        refuse('writing files')
    if event == 'open':
        mode, flags = args[1], args[2]
        if (isinstance(mode, str) and any(one in mode for one in 'wax+')) or (isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
            refuse('writing files')

class Unusable(Exception):
    pass

def encode(value, state=None):
    state = state if state is not None else [0]
    state[0] += 1
    if state[0] > 400:
        raise Unusable('its result is too large to pin')
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is str:
        if len(value) > 2000:
            raise Unusable('its result is too large to pin')
        if root in value:
            raise Unusable('its result names the folder that it runs in')
        if any(ord(one) > 0xffff and not one.isprintable() or 0xd800 <= ord(one) <= 0xdfff for one in value):
            raise Unusable('its result has characters that cannot be written')
        return value
    if kind is int:
        return value if abs(value) < 2 ** 53 else ['bigint', str(value)]
    if kind is float:
        if math.isnan(value):
            return ['number', 'NaN']
        if math.isinf(value):
            return ['number', 'Infinity' if value > 0 else '-Infinity']
        return value if value != int(value) else ['number', repr(value)]
    if kind in (list, tuple):
        return ['list' if kind is list else 'tuple', [encode(one, state) for one in value]]
    if kind is set:
        return ['set', [encode(one, state) for one in sorted(value, key=repr)]]
    if kind is dict:
        return ['object', [[encode(key, state), encode(one, state)] for key, one in value.items()]]
    raise Unusable('it gives a ' + kind.__name__)

def decode(value):
    if not isinstance(value, list):
        return value
    kind, content = value[0], value[1] if len(value) > 1 else None
    if kind == 'undefined':
        return None
    if kind == 'number':
        return float(content.replace('Infinity', 'inf'))
    if kind == 'bigint':
        return int(content)
    if kind == 'tuple':
        return tuple(decode(one) for one in content)
    if kind == 'set':
        return set(decode(one) for one in content)
    if kind in ('object', 'map'):
        return {decode(key): decode(one) for key, one in content}
    return [decode(one) for one in content]

def misuse(error, source):
    kind = type(error)
    return kind in (TypeError, AttributeError, NameError) and 'raise ' + kind.__name__ not in source

def source_of(function):
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return ''

def call(function, args):
    touched.clear()
    is_async = inspect.iscoroutinefunction(function)
    try:
        result = function(*[decode(one) for one in args])
        if is_async:
            result = asyncio.run(asyncio.wait_for(result, 2))
        return {'kind': 'returned', 'value': encode(result), 'is_async': is_async}
    except Unusable as error:
        return {'kind': 'unusable', 'reason': str(error)}
    except (SystemExit, KeyboardInterrupt):
        return {'kind': 'unusable', 'reason': 'it ends the process'}
    except Exception as error:
        message = str(error)
        if len(message) > 500:
            return {'kind': 'unusable', 'reason': 'its error is too long to pin'}
        return {'kind': 'threw', 'name': type(error).__name__, 'message': message, 'is_async': is_async, 'is_misuse': misuse(error, source_of(function))}

def parameters(function):
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):
        return None
    found = []
    for one in signature.parameters.values():
        note = one.annotation
        record = {'name': one.name, 'kind': one.kind.name.lower(), 'type': None if note is inspect.Parameter.empty else (note if isinstance(note, str) else inspect.formatannotation(note))}
        if one.default is not inspect.Parameter.empty:
            record['optional'] = True
            try:
                record['default'] = encode(one.default)
            except Unusable:
                pass
        found.append(record)
    return found

def main():
    sys.dont_write_bytecode = True
    sys.path[:0] = request['path']
    sys.argv = [request['module']]
    sys.addaudithook(audit)
    try:
        module = importlib.import_module(request['module'])
    except BaseException as error:
        tell({'type': 'load-failed', 'reason': (type(error).__name__ + ': ' + str(error))[:500]})
        return
    if request['mode'] == 'describe':
        for name, value in list(vars(module).items()):
            if name.startswith('_') or getattr(value, '__module__', None) != module.__name__:
                continue
            if inspect.isclass(value) or inspect.isfunction(value):
                record = {'type': 'export', 'name': name, 'via': 'named', 'called': name, 'is_class': inspect.isclass(value), 'source': source_of(value)[:20000]}
                if inspect.isfunction(value):
                    record['parameters'] = parameters(value)
                tell(record)
    else:
        for one in request['calls']:
            function = getattr(module, one['name'], None)
            tell({'type': 'began', 'id': one['id']})
            outcome = call(function, one['args']) if inspect.isfunction(function) else {'kind': 'unusable', 'reason': 'it is not there'}
            tell({'type': 'ended', 'id': one['id'], 'outcome': outcome, 'touched': sorted(touched)})
    tell({'type': 'done'})

main()
os._exit(0)
`;
