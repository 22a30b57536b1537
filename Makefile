# `make run` and `make test` are all that a fresh Debian 12 needs: each installs what it lacks, and says so.
SHELL := /bin/bash
PYTHON := .venv/bin/python
ARGS ?=
# a file of tests stays in one process, and each process has databases, servers and a browser of its own; tests/conftest.py says
# which files come first
AT_ONCE ?= -n auto --dist loadfile --no-loadscope-reorder

# libpango and the fonts draw the PDFs; the others serve tests alone (libatomic1: Playwright's own Node.js)
PACKAGES := python3 python3-venv libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-cjk fonts-dejavu-core
DEV_PACKAGES := $(PACKAGES) git chromium libatomic1 postgresql poppler-utils

# else each server that a test starts would compile the whole site anew
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test lint bench deps deps-dev format vendor lock clean

help: ## 列出所有命令
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' Makefile | expand -t 20

run: deps ## 启动演示站点：http://127.0.0.1:8000（换端口：PORT=8001 make run）
	@exec $(PYTHON) -m tools.serve

test: deps-dev lint ## 全部检查和测试：先SQLite，再PostgreSQL（只跑一部分：make test ARGS="-k gate"）
	$(PYTHON) -m pytest $(AT_ONCE) $(ARGS)
	TEST_DATABASE=postgresql $(PYTHON) -m pytest $(AT_ONCE) $(ARGS)

lint: deps-dev ## 格式、写法、类型、模块依赖
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	$(PYTHON) .venv/bin/lint-imports

bench: deps-dev ## 性能测量，只在本机回环地址上
	$(PYTHON) -m benchmarks $(ARGS)

deps: ## 安装运行所需：系统软件包和.venv
	@tools/apt.sh $(PACKAGES)
	@tools/venv.sh requirements.txt

deps-dev: ## 安装测试和检查所需
	@tools/apt.sh $(DEV_PACKAGES)
	@tools/venv.sh requirements-dev.txt

format: deps-dev ## 改好格式和能自动改的写法
	$(PYTHON) -m ruff check --fix
	$(PYTHON) -m ruff format

vendor: deps ## 改了package.json的版本之后：重取前端文件，连同摘要一起提交
	@command -v npm >/dev/null || tools/apt.sh nodejs npm
	npm install --package-lock-only
	$(PYTHON) -m tools.vendor

lock: ## 改了requirements*.txt之后：重新解析，写出constraints.txt
	@tools/venv.sh --lock

clean: ## 删除.venv和各种缓存（instance/里的数据不动）
	rm -rf .venv node_modules .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
