# Everyday commands. Each installs the packages that it needs and that are missing; where you have
# installed them yourself, add INSTALL_DEPS=true.
INSTALL_DEPS ?= tools/install_deps
PROGRAM := build/release/bin/fairlead
# The release build is configured without the tests until they are asked for; they then stay part of
# it, and share every object with the program.
CONFIGURED := build/release/build.ninja

.DEFAULT_GOAL := help
.PHONY: help demo chat eval build test lint asan tsan stress fuzz soak goldens install clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

demo: build ## Build the program, let the bundled model write and talk to it
	$(PROGRAM) generate models/tiny-gpt-oss --prompts "An anchor is" --temperature 0 --stop .
	$(PROGRAM) chat models/tiny-gpt-oss --temperature 0 --date none --message "Who are you?" --message "What is a fairlead?" --message "What is 17 + 25?" --message "Thanks!"

chat: build ## Talk to the bundled model, or to another one (MODEL=...)
	$(PROGRAM) chat $(or $(MODEL),models/tiny-gpt-oss)

eval: build ## Ask the bundled model its suites of questions and count right answers
	$(PROGRAM) eval models/tiny-gpt-oss

build: ## Build the program: build/release/bin/fairlead
	@$(INSTALL_DEPS) program
	@test -f $(CONFIGURED) || cmake --preset release -DFAIRLEAD_TESTS=OFF
	@cmake --build --preset release --target fairlead

test: ## Build and run all tests
	@$(INSTALL_DEPS) program tests
	@tools/fetch_third_party
	@cmake --preset release -DFAIRLEAD_TESTS=ON
	@cmake --build --preset release
	ctest --preset release -j $$(nproc)

lint: build ## Check format, folder rules and clang-tidy
	@$(INSTALL_DEPS) program lint
	tools/lint

asan: ## Run the core tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(INSTALL_DEPS) program tests
	@tools/fetch_third_party
	@cmake --preset asan
	@cmake --build --preset asan --target core_tests
	ctest --preset asan -j $$(nproc) -L core

tsan: ## Run the core tests under ThreadSanitizer
	@$(INSTALL_DEPS) program tests
	@tools/fetch_third_party
	@cmake --preset tsan
	@cmake --build --preset tsan --target core_tests
	ctest --preset tsan -j $$(nproc) -L core

stress: ## Load the engine for 60 seconds under each sanitizer (SECONDS=n for another time)
	@$(INSTALL_DEPS) program tests
	tools/run_stress $(or $(SECONDS),60)

fuzz: ## Run every fuzz target for 20 seconds (SECONDS=n for another time)
	@$(INSTALL_DEPS) program tests
	tools/run_fuzzers $(or $(SECONDS),20)

soak: ## What takes hours: all sanitizers, a bad model, the engine under load, every fuzz target for 10 minutes
	$(MAKE) asan
	$(MAKE) tsan
	@cmake --preset release -DFAIRLEAD_TESTS=ON
	@cmake --build --preset release --target bad_model_test
	FAIRLEAD_BAD_MODEL_TURNS=10000 build/release/bin/bad_model_test
	$(MAKE) stress SECONDS=600
	$(MAKE) fuzz SECONDS=600

goldens: ## Recompute the golden test data with Hugging Face transformers (by hand; needs Python)
	@test -d .venv || python3 -m venv .venv
	.venv/bin/pip install -q -r tools/goldens/requirements.txt
	.venv/bin/python tools/goldens/make_goldens.py

install: build ## Install program and model under PREFIX (/usr/local)
	cmake --install build/release --prefix $(or $(PREFIX),/usr/local)

clean: ## Remove everything that was built
	rm -rf build
