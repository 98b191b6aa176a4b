import unittest


class Tests(unittest.TestCase):
    def test_passes(self):
        self.assertEqual(1 + 1, 2)

    def test_fails(self):
        with self.subTest(i=1):
            self.assertEqual([1, 2, 3], [1, 2, 4])

    @unittest.skip("not now")
    def test_skipped(self):
        pass

    def test_errors(self):
        {}["missing"]


class Stable(unittest.TextTestRunner):
    def run(self, test):
        self.stream.write("running\n")
        return test(unittest.TestResult()) or self._makeResult()


if __name__ == "__main__":
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromModule(__import__("__main__")).run(result)
    print(result, [text for _, text in result.failures + result.errors])
    unittest.main(argv=["main.py", "-q", "Tests.test_skipped"], exit=False, testRunner=Stable)
    raise SystemExit(not result.wasSuccessful())
