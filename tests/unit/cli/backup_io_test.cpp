// Two backups to one file: the second is refused, and what is not ours never takes the place of a
// good one.
#include "cli/backup_io.hpp"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace tb::cli {
namespace {

struct Folder {
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "tb-cli-XXXXXX").string();
        BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
        file = name + "/tokens.backup";
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(std::filesystem::path(file).parent_path(), ignored);
    }
    std::string content() const {
        std::ifstream in(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    std::string file;
};

std::string words_of(const Answer<NewFile>& answer) {
    return answer ? "taken" : answer.error().text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(backup_io)

BOOST_FIXTURE_TEST_CASE(a_second_backup_to_the_file_is_refused, Folder) {
    {
        auto first = NewFile::create(file);
        BOOST_REQUIRE(first.has_value());
        BOOST_REQUIRE(first->write("whole").has_value());
        const std::string says = words_of(NewFile::create(file));
        BOOST_TEST(says.find("is being made") != std::string::npos, says);
        BOOST_TEST(says.find("wait for its end") != std::string::npos, says);
        BOOST_REQUIRE(first->sync().has_value());
        BOOST_REQUIRE(first->take_place().has_value());
        BOOST_TEST(content() == "whole");
    }
    std::filesystem::remove(file);
    BOOST_TEST(words_of(NewFile::create(file)) == "taken");
    BOOST_TEST(!std::filesystem::exists(file + ".part"), "one that is given up leaves nothing");
    std::ofstream(file + ".part") << "of one that was cut off";
    BOOST_TEST(words_of(NewFile::create(file)) == "taken");
}

// Where nothing can be locked.
BOOST_FIXTURE_TEST_CASE(another_draft_takes_no_place, Folder) {
    for (const bool made_anew : {true, false}) {
        {
            auto ours = NewFile::create(file);
            BOOST_REQUIRE(ours.has_value());
            BOOST_REQUIRE(ours->write("whole").has_value());
            std::filesystem::remove(file + ".part");
            if (made_anew) std::ofstream(file + ".part") << "";
            for (const auto& answer : {ours->sync(), ours->take_place()}) {
                BOOST_REQUIRE(!answer.has_value());
                BOOST_TEST(answer.error().text.find("run this again") != std::string::npos);
            }
        }
        BOOST_TEST(!std::filesystem::exists(file));
        BOOST_TEST(std::filesystem::exists(file + ".part") == made_anew, "it is somebody else's");
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tb::cli
