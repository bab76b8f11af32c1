/** Runs one file with unittest and writes one line of JSON a test: the name of its method, and how it ended. */
export const UNITTEST_REPORT = String.raw`
import importlib.util, json, os, sys, unittest

file, report = sys.argv[1], sys.argv[2]
sys.path.insert(0, os.getcwd())
sys.path.insert(0, os.path.dirname(os.path.abspath(file)))
out = open(report, 'a', encoding='utf-8')

class Result(unittest.TextTestResult):
    def tell(self, test, status, message=''):
        name = getattr(test, '_testMethodName', None) or str(test)
        out.write(json.dumps({'id': test.id(), 'name': name, 'status': status, 'message': message[-4000:]}) + '\n')
        out.flush()

    def addSuccess(self, test):
        super().addSuccess(test)
        self.tell(test, 'passed')

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.tell(test, 'failed', self._exc_info_to_string(err, test))

    def addError(self, test, err):
        super().addError(test, err)
        self.tell(test, 'failed', self._exc_info_to_string(err, test))

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.tell(test, 'failed', self._exc_info_to_string(err, test))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.tell(test, 'skipped')

spec = importlib.util.spec_from_file_location(os.path.splitext(os.path.basename(file))[0], file)
module = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = module
spec.loader.exec_module(module)
suite = unittest.defaultTestLoader.loadTestsFromModule(module)
ended = unittest.TextTestRunner(resultclass=Result, verbosity=1).run(suite)
sys.exit(0 if ended.wasSuccessful() else 1)
`;
